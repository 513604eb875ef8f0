import Foundation

/// w_i of the heads in the loss Σ w_i · CE_i, by step.
public indirect enum HeadWeights: Sendable, Equatable {
    /// All 1 (the paper).
    case uniform
    /// 1/i.
    case harmonic
    /// β^(i − 1).
    case decay(Double)
    /// One weight for each head.
    case list([Double])
    /// Piecewise linear in steps; constant before the first point and after the last.
    case points([Point])

    /// Weights at a step.
    public struct Point: Sendable, Equatable {
        /// The step, counted from 1; 0 is the start.
        public var step: Int
        /// The weights there; not points again.
        public var weights: HeadWeights

        /// A point.
        public init(step: Int, weights: HeadWeights) {
            self.step = step
            self.weights = weights
        }
    }

    /// w_i of n heads at a step, head 1 first.
    public func values(at step: Int, heads: Int) -> [Double] {
        switch self {
        case .uniform: return [Double](repeating: 1, count: heads)
        case .harmonic: return (1...heads).map { 1 / Double($0) }
        case .decay(let factor): return (0..<heads).map { pow(factor, Double($0)) }
        case .list(let weights): return weights
        case .points(let points):
            guard let last = points.last else { return HeadWeights.uniform.values(at: step, heads: heads) }
            guard let index = points.firstIndex(where: { step <= $0.step }) else {
                return last.weights.values(at: step, heads: heads)
            }
            let after = points[index].weights.values(at: step, heads: heads)
            guard index > 0 else { return after }
            let before = points[index - 1]
            let share = Double(step - before.step) / Double(points[index].step - before.step)
            return zip(before.weights.values(at: step, heads: heads), after).map { $0 + ($1 - $0) * share }
        }
    }

    /// The reason why these are not weights for n heads; nil if they are.
    func problem(heads: Int) -> String? {
        switch self {
        case .uniform, .harmonic: return nil
        case .decay(let factor): return factor > 0 && factor <= 1 ? nil : "decay must be above 0 and at most 1"
        case .list(let weights):
            let fits = weights.count == heads && weights.allSatisfy { $0 >= 0 } && weights.contains { $0 > 0 }
            return fits ? nil : "must be \(heads) numbers, one a head, none negative and not all 0"
        case .points(let points):
            let steps = points.map(\.step)
            guard points.count >= 2, steps[0] >= 0, zip(steps, steps.dropFirst()).allSatisfy({ $0 < $1 }) else {
                return "points need two steps or more, from 0 on, each later than the one before"
            }
            for point in points {
                if case .points = point.weights { return "a point's weights cannot be points again" }
                if let problem = point.weights.problem(heads: heads) { return "at step \(point.step): \(problem)" }
            }
            return nil
        }
    }

    /// Their form in a recipe.
    var yaml: String {
        switch self {
        case .uniform: return "uniform"
        case .harmonic: return "harmonic"
        case .decay(let factor): return "{decay: \(factor)}"
        case .list(let weights): return "\(weights)"
        case .points(let points):
            return "[" + points.map { "{step: \($0.step), weights: \($0.weights.yaml)}" }.joined(separator: ", ") + "]"
        }
    }
}

/// Heads that are switched on or off during training (arXiv 2505.22757), in n stages of equal length.
public enum HeadCurriculum: String, Sendable, CaseIterable {
    /// All heads all the time.
    case none
    /// Head 1 alone at first, one more head in every stage: helps small models and keeps self-speculation.
    case forward
    /// All heads at first, one fewer in every stage: a better next-token model, whose other heads fall behind.
    case reverse

    /// How many heads learn at a step, counted from 1, of a curriculum over `steps` steps.
    public func active(at step: Int, of steps: Int, heads: Int) -> Int {
        let stage = min(heads - 1, (step - 1) * heads / max(1, steps))
        return switch self {
        case .none: heads
        case .forward: stage + 1
        case .reverse: heads - stage
        }
    }
}

extension Recipe {
    /// w_i at a step, counted from 1, of a run of `steps` steps; 0 for heads that are switched off.
    public func headWeights(at step: Int, of steps: Int) -> [Double] {
        let active = training.curriculum.active(
            at: step, of: training.curriculumSteps ?? steps, heads: model.heads)
        return training.headWeights.values(at: step, heads: model.heads).enumerated().map { index, weight in
            index < active ? weight : 0
        }
    }
}
