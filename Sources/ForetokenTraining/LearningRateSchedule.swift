import Foundation

/// Linear warm-up to the peak, then a cosine down to a floor (paper table S13).
public struct LearningRateSchedule: Sendable, Equatable {
    /// The highest rate.
    public let peak: Double
    /// Steps until the peak.
    public let warmUp: Int
    /// Steps in all.
    public let steps: Int
    /// The last rate as a fraction of the peak.
    public let finalRatio: Double

    /// A schedule.
    public init(peak: Double, warmUp: Int, steps: Int, finalRatio: Double) {
        self.peak = peak
        self.warmUp = warmUp
        self.steps = steps
        self.finalRatio = finalRatio
    }

    /// The rate of a step, counted from 1.
    public func rate(at step: Int) -> Double {
        if step <= warmUp { return peak * Double(step) / Double(warmUp) }
        let progress = Double(min(step, steps) - warmUp) / Double(max(1, steps - warmUp))
        return peak * (finalRatio + (1 - finalRatio) * 0.5 * (1 + cos(.pi * progress)))
    }
}
