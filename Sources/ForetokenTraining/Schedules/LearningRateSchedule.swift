import Foundation

/// The shape of the learning rate after its warm-up.
public enum LearningRateShape: String, Sendable, CaseIterable {
    /// A cosine down to the floor (the paper, table S13).
    case cosine
    /// A line down to the floor.
    case linear
    /// The peak to the end.
    case constant
    /// Warm-up, stable, decay (MiniCPM, arXiv 2404.06395): the peak, and a line down to the floor over the last share
    /// of the steps.
    case wsd
}

/// Linear warm-up to the peak, then one of several shapes down to a floor.
public struct LearningRateSchedule: Sendable, Equatable {
    /// The shape after the warm-up.
    public let shape: LearningRateShape
    /// The highest rate.
    public let peak: Double
    /// Steps until the peak.
    public let warmUp: Int
    /// Steps in all.
    public let steps: Int
    /// The last rate as a fraction of the peak.
    public let finalRatio: Double
    /// The share of the steps in which `wsd` decays.
    public let decayFraction: Double

    /// A schedule.
    public init(
        shape: LearningRateShape = .cosine, peak: Double, warmUp: Int, steps: Int, finalRatio: Double,
        decayFraction: Double = 0.1
    ) {
        self.shape = shape
        self.peak = peak
        self.warmUp = warmUp
        self.steps = steps
        self.finalRatio = finalRatio
        self.decayFraction = decayFraction
    }

    /// The rate of a step, counted from 1.
    public func rate(at step: Int) -> Double {
        if step <= warmUp { return peak * Double(step) / Double(warmUp) }
        func progress(from first: Double) -> Double {
            max(0, Double(min(step, steps)) - first) / max(1, Double(steps) - first)
        }
        // The remaining fraction of peak − floor.
        let remaining =
            switch shape {
            case .cosine: 0.5 * (1 + cos(.pi * progress(from: Double(warmUp))))
            case .linear: 1 - progress(from: Double(warmUp))
            case .constant: 1.0
            case .wsd: 1 - progress(from: max(Double(warmUp), Double(steps) * (1 - decayFraction)))
            }
        return peak * (finalRatio + (1 - finalRatio) * remaining)
    }
}
