import ForetokenModel
import ForetokenText
import Foundation

extension Recipe {
    /// Refuses what makes no training run.
    ///
    /// - Throws: ``RecipeError/impossible(key:reason:)`` with the key.
    public func validate() throws {
        func need(_ condition: Bool, _ key: String, _ reason: String) throws {
            if !condition { throw RecipeError.impossible(key: key, reason: reason) }
        }
        try need(
            !data.mixture.contains { $0.path.isEmpty }, data.sources.isEmpty ? "data.train" : "data.sources",
            "missing; name the .tokens file that `foretoken prepare` wrote")
        try need(data.sources.isEmpty || data.train.isEmpty, "data.sources", "give either sources or train, not both")
        try need(
            data.sources.count <= BatchLoader.mostSources, "data.sources",
            "\(data.sources.count) sources; at most \(BatchLoader.mostSources) can be mixed")
        let total = data.mixture.reduce(0) { $0 + $1.weight }
        for source in data.mixture {
            try need(
                source.weight > 0 && total.isFinite && source.weight / total >= BatchLoader.smallestShare,
                "data.sources",
                "\(source.path): weight \(source.weight) of \(total) is no share of at least 1 in \(Int(1 / BatchLoader.smallestShare))"
            )
        }
        let model = self.model
        for (key, value) in [
            ("width", model.width), ("layers", model.layers), ("attentionHeads", model.attentionHeads),
            ("multipleOf", model.multipleOf), ("heads", model.heads), ("context", model.context),
            ("keyValueHeads", model.keyValueHeads ?? 1), ("headDimension", model.headDimension ?? 2),
            ("feedForwardWidth", model.feedForwardWidth ?? 1), ("trunkLayers", model.trunkLayers ?? 1),
        ] {
            try need((1...1 << 24).contains(value), "model.\(key)", "\(value) is outside 1...\(1 << 24)")
        }
        if !isShapeOpen { try validateShape(need) }
        let training = self.training
        if let steps = training.steps {
            try need(steps >= 1, "training.steps", "\(steps) is below 1")
            // Of a run bounded by time, steps are what was measured.
            try need(
                training.minutes != nil || training.warmUpSteps ?? 0 < steps, "training.warmUpSteps",
                "\(training.warmUpSteps ?? 0) is not below steps (\(steps))")
        } else {
            try need(
                training.minutes != nil, "training.steps", "missing; give steps, or minutes for a run bounded by time")
        }
        try need(
            training.warmUpSteps ?? 0 >= 0, "training.warmUpSteps", "\(training.warmUpSteps ?? 0) is below 0")
        if let minutes = training.minutes {
            try need(minutes > 0 && minutes < 1e6, "training.minutes", "\(minutes) is not between 0 and a million")
        }
        for (key, value, least) in [
            ("batchSize", training.batchSize, 1), ("accumulation", training.accumulation, 1),
            ("softTargets", training.softTargets, 0),
            ("validationEvery", training.validationEvery, 0), ("validationBatches", training.validationBatches, 1),
            ("checkpointEvery", training.checkpointEvery, 0), ("keepCheckpoints", training.keepCheckpoints, 1),
            ("keepEvery", training.keepEvery, 0), ("logEvery", training.logEvery, 1),
        ] {
            try need((least...1 << 30).contains(value), "training.\(key)", "\(value) is outside \(least)...\(1 << 30)")
        }
        try need(
            (1...1024).contains(training.threads ?? 1), "training.threads",
            "\(training.threads ?? 0) is outside 1...1024")
        let tokens = Double(training.batchSize) * Double(training.accumulation) * Double(model.context + model.heads)
        try need(
            tokens <= 0x1p28, "training.batchSize",
            "batchSize times accumulation times context makes \(String(format: "%.0f", tokens)) tokens a step; at most \(1 << 28) are possible"
        )
        try need(
            training.learningRate > 0 && training.learningRate < 10, "training.learningRate",
            "must be above 0 and below 10")
        try need((0...1).contains(training.finalLearningRateRatio), "training.finalLearningRateRatio", "must be 0 to 1")
        try need((0..<1).contains(training.warmUpFraction), "training.warmUpFraction", "must be at least 0 and below 1")
        try need(
            training.betas.count == 2 && training.betas.allSatisfy { (0..<1).contains($0) }, "training.betas",
            "must be two numbers, each at least 0 and below 1")
        try need(training.epsilon > 0, "training.epsilon", "must be above 0")
        try need(training.weightDecay >= 0, "training.weightDecay", "must be at least 0")
        try need(training.clip >= 0, "training.clip", "must be at least 0 (0: no clipping)")
        try need(
            (1...1 << 20).contains(memory.logitsMiB ?? 1), "memory.logitsMiB",
            "\(memory.logitsMiB ?? 1) is outside 1...\(1 << 20)")
        if !isShapeOpen { try validateHeads(need) }
    }

    /// Sizes that make a model.
    private func validateShape(_ need: (Bool, String, String) throws -> Void) throws {
        if model.headDimension == nil {
            try need(
                model.width % model.attentionHeads == 0, "model.width",
                "\(model.width) is not divisible by attentionHeads (\(model.attentionHeads)); give headDimension to choose one"
            )
        }
        do {
            try ModelConfiguration(
                vocabulary: 1, width: model.width, layers: totalLayers, attentionHeads: model.attentionHeads,
                keyValueHeads: model.keyValueHeads, headDimension: model.headDimension,
                feedForwardWidth: model.feedForwardWidth, multipleOf: model.multipleOf, heads: model.heads,
                headKind: model.headKind, context: model.context, ropeBase: model.ropeBase,
                normEpsilon: model.normEpsilon
            ).validate()
        } catch {
            throw RecipeError.impossible(key: "model", reason: error.description)
        }
    }

    /// What the heads learn from.
    private func validateHeads(_ need: (Bool, String, String) throws -> Void) throws {
        if let rate = training.headLearningRate {
            try need(rate > 0 && rate < 10, "training.headLearningRate", "must be above 0 and below 10")
        }
        try need(
            training.decayFraction > 0 && training.decayFraction <= 1, "training.decayFraction",
            "must be above 0 and at most 1")
        let problem = training.headWeights.problem(heads: model.heads)
        try need(problem == nil, "training.headWeights", problem ?? "")
        try need((training.curriculumSteps ?? 1) >= 1, "training.curriculumSteps", "must be at least 1")
        let readsOthers = HeadGraph(kind: model.headKind, heads: model.heads).headOneReadsOthers
        for (key, isSet) in [("detachTrunk", training.detachTrunk), ("freezeTrunk", training.freezeTrunk)] {
            try need(
                !isSet || !readsOthers, "training.\(key)",
                "\(model.headKind) heads stand between the trunk and head 1, so nothing can be learnt without changing it"
            )
        }
        // Weights change along lines between the points, so what is positive at all points is so in between.
        let points: [Int] = if case .points(let points) = training.headWeights { points.map(\.step) } else { [1] }
        let weights = points.map { training.headWeights.values(at: $0, heads: model.heads) }
        try need(
            training.curriculum == .none || weights.allSatisfy { $0[0] > 0 }, "training.headWeights",
            "a curriculum has steps with head 1 alone, whose weight must not be 0")
        guard training.freezeTrunk else { return }
        try need(model.heads > 1, "training.freezeTrunk", "heads is 1: nothing is left to learn")
        try need(
            training.curriculum == .none, "training.curriculum",
            "with freezeTrunk only heads 2…n learn, and a curriculum has steps without them")
        let learns = weights.allSatisfy { $0.dropFirst().contains { $0 > 0 } }
        try need(learns, "training.headWeights", "with freezeTrunk heads 2…n must not all have weight 0")
    }
}
