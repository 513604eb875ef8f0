/// Seconds of passes and of drafting by their number of tokens, measured while decoding.
struct PassCostModel {
    /// The tuned numbers; `Documentation/DraftLength.md` has their measurements.
    struct Constants {
        var memory = 40.0
        var halfLife = 200.0
        var firstStep = 0.25
        var firstMeasurements = 3.0
        var surprisingRun = 16
        var optimism = 0.05
        var assumedTokenCost = 0.03
    }

    private var passes: CostCurve
    private var drafting: CostCurve

    init(constants: Constants = Constants()) {
        passes = CostCurve(constants: constants)
        drafting = CostCurve(constants: constants)
    }

    mutating func recordPass(tokens: Int, seconds: Double) { passes.record(tokens, seconds) }

    mutating func recordDrafting(tokens: Int, seconds: Double) { drafting.record(tokens, seconds) }

    /// How well passes of this size are known: the number of their measurements, where older ones count less.
    func passMeasurements(tokens: Int) -> Double { passes.measurements(of: tokens) }

    /// Seconds of a pass of this size, optimistic where that was measured seldom or long ago; 1 before the first pass.
    func passSeconds(tokens: Int) -> Double { passes.seconds(tokens) ?? 1 }

    /// Seconds of drafting this many tokens, as optimistic; 0 for none and before the first.
    func draftingSeconds(tokens: Int) -> Double { tokens == 0 ? 0 : drafting.seconds(tokens) ?? 0 }
}

/// Seconds of work by its size, from single noisy times.
private struct CostCurve {
    private struct Cost {
        var seconds = Double.infinity
        /// Measurements, of which older ones count less.
        var times = 0.0
        /// Measurements, however old.
        var count = 0
        var measuredAt = 0
        /// How many of the latest measurements in a row were above the estimate; negative if below.
        var run = 0
    }

    private let constants: PassCostModel.Constants
    private var costs: [Cost] = []
    /// The estimates, as far as the sizes agree with each other.
    private var bounds: [Double] = []
    /// Measurements so far, of all sizes.
    private var now = 0

    init(constants: PassCostModel.Constants) { self.constants = constants }

    /// The estimate, less a share for what is not known: a size that was measured seldom or long ago looks a little cheaper
    /// than it did, and is chosen again for that. Nil before anything was measured.
    func seconds(_ size: Int) -> Double? {
        guard let known = estimate(size) else { return nil }
        return known * (1 - constants.optimism / (1 + measurements(of: size)))
    }

    /// How much is known of a size: its measurements, halved when all sizes were measured ``PassCostModel/Constants/halfLife``
    /// times since.
    func measurements(of size: Int) -> Double {
        guard isMeasured(size) else { return 0 }
        let cost = costs[size]
        return cost.times / (1 + Double(now - cost.measuredAt) / constants.halfLife)
    }

    private func isMeasured(_ size: Int) -> Bool { size < costs.count && costs[size].times > 0 }

    /// As measured. Otherwise half way between hope, the next smaller size with a little more for each token, so that it is
    /// tried, and the line through the next smaller and larger sizes, or the two largest. Below all, the line through the
    /// origin.
    private func estimate(_ size: Int) -> Double? {
        if isMeasured(size) { return bounds[size] }
        let larger = costs.indices.dropFirst(size + 1).first { isMeasured($0) }
        guard let smaller = costs.indices.prefix(size).last(where: { isMeasured($0) }) else {
            return larger.map { bounds[$0] * Double(size) / Double($0) }
        }
        let hope = bounds[smaller] * constants.assumedTokenCost
        let slope =
            if let larger {
                (bounds[larger] - bounds[smaller]) / Double(larger - smaller)
            } else if let before = costs.indices.prefix(smaller).last(where: { isMeasured($0) }) {
                (bounds[smaller] - bounds[before]) / Double(smaller - before)
            } else {
                hope
            }
        return bounds[smaller] + min(slope, (slope + hope) / 2) * Double(size - smaller)
    }

    /// Follows the median by steps that shrink with every measurement and never pass the measured time: one time slice of
    /// another program moves it by no more than an ordinary slow pass. The first measurements touch memory that later ones
    /// find, and one of them may be such a slice: of these the least counts.
    mutating func record(_ size: Int, _ seconds: Double) {
        while costs.count <= size {
            costs.append(Cost())
            bounds.append(.infinity)
        }
        now += 1
        var times = measurements(of: size)
        var cost = costs[size]
        cost.run = seconds > cost.seconds ? max(0, cost.run) + 1 : seconds < cost.seconds ? min(0, cost.run) - 1 : 0
        // A run of this length on one side is hardly chance: the machine has changed.
        if abs(cost.run) >= constants.surprisingRun { times /= 2 }
        let factor = 1 + constants.firstStep / (1 + times)
        if Double(cost.count) < constants.firstMeasurements {
            cost.seconds = min(cost.seconds, seconds)
        } else {
            cost.seconds =
                seconds > cost.seconds ? min(seconds, cost.seconds * factor) : max(seconds, cost.seconds / factor)
        }
        cost.times = min(constants.memory, times + 1)
        cost.count += 1
        cost.measuredAt = now
        costs[size] = cost
        raiseLargerSizes(than: size)
        updateBounds()
    }

    /// A larger size that is known less takes no less time: it was measured when the machine was faster.
    private mutating func raiseLargerSizes(than size: Int) {
        guard Double(costs[size].count) >= constants.firstMeasurements else { return }
        let known = measurements(of: size)
        for larger in costs.indices.dropFirst(size + 1)
        where costs[larger].seconds < costs[size].seconds && measurements(of: larger) < known {
            costs[larger].seconds = costs[size].seconds
        }
    }

    /// No size takes longer than a larger one; and one that was hardly measured, not longer than several smaller ones that do
    /// the same work. Without this, a size that was slow once, and that is not chosen for that reason, would stay slow.
    private mutating func updateBounds() {
        var bound = Double.infinity
        for size in costs.indices.reversed() {
            bound = min(bound, costs[size].seconds)
            bounds[size] = bound
        }
        var perToken = Double.infinity
        for size in costs.indices.dropFirst() where costs[size].times > 0 {
            if Double(costs[size].count) < constants.firstMeasurements {
                bounds[size] = min(bounds[size], perToken * Double(size))
            }
            perToken = min(perToken, bounds[size] / Double(size))
        }
    }
}
