import ForetokenModel
import ForetokenText
import Foundation

extension Recipe {
    /// Refuses a recipe that makes no training run.
    ///
    /// - Throws: ``RecipeError/invalidValue(place:key:reason:)`` with the key and where it was given.
    public func validate() throws {
        for key in RecipeKey.all where key.path != "model.layers" || model.trunkLayers == nil {
            if let problem = key.problem(self) { throw invalidValue(key.path, problem) }
        }
        if provenance.keys.isSuperset(of: ["model.layers", "model.trunkLayers"]) {
            throw invalidValue(
                "model.trunkLayers",
                "counts the blocks of the trunk alone and model.layers all of them; give one of the two, the other null"
            )
        }
        try validateData()
        if !isShapeFromCheckpoint { try validateShape() }
        try validateLength()
        if !isShapeFromCheckpoint { try validateHeads() }
    }

    private func require(_ condition: Bool, _ key: String, _ reason: @autoclosure () -> String) throws {
        if !condition { throw invalidValue(key, reason()) }
    }

    private func validateData() throws {
        try require(
            !data.mixture.contains { $0.path.isEmpty }, data.sources.isEmpty ? "data.train" : "data.sources",
            "missing; name the .tokens file that `foretoken prepare` wrote")
        try require(
            data.sources.isEmpty || data.train.isEmpty, "data.sources", "give either sources or train, not both")
        try require(
            data.sources.count <= BatchLoader.mostSources, "data.sources",
            "\(data.sources.count) sources; at most \(BatchLoader.mostSources) can be mixed")
        let total = data.mixture.reduce(0) { $0 + $1.weight }
        for source in data.mixture {
            try require(
                source.weight > 0, "data.sources", "\(source.path): weight \(source.weight) must be above 0")
            try require(
                total.isFinite && source.weight / total >= BatchLoader.smallestShare,
                "data.sources",
                "\(source.path): weight \(source.weight) of \(total) is below the smallest share, "
                    + "1 in \(Int(1 / BatchLoader.smallestShare))")
        }
    }

    /// Steps, and the tokens of one.
    private func validateLength() throws {
        if let steps = training.steps {
            // Of a run bounded by time, the number of steps was measured.
            try require(
                training.minutes != nil || training.warmUpSteps ?? 0 < steps, "training.warmUpSteps",
                "\(training.warmUpSteps ?? 0) is not below steps (\(steps))")
        } else {
            try require(
                training.minutes != nil, "training.steps", "missing; give steps, or minutes for a run bounded by time")
        }
        if !isShapeFromCheckpoint {
            try require(
                sequenceLength <= model.contextLength, "training.sequenceLength",
                "\(sequenceLength) is above the model's context length, \(model.contextLength) tokens")
        }
        let tokens =
            Double(training.batchSize) * Double(training.accumulation) * Double(sequenceLength + model.heads)
        try require(
            tokens <= 0x1p28, "training.batchSize",
            "batchSize × accumulation × sequenceLength is \(String(format: "%.0f", tokens)) tokens a step; "
                + "at most \(1 << 28) are possible")
    }

    /// Sizes that make a model.
    private func validateShape() throws {
        if model.headDimension == nil {
            try require(
                model.width % model.attentionHeads == 0, "model.width",
                "\(model.width) is not divisible by attentionHeads (\(model.attentionHeads)); give headDimension to choose one"
            )
        }
        do {
            try ModelConfiguration(
                vocabulary: 1, width: model.width, layers: totalLayers, attentionHeads: model.attentionHeads,
                keyValueHeads: model.keyValueHeads, headDimension: model.headDimension,
                feedForwardWidth: model.feedForwardWidth, multipleOf: model.multipleOf, heads: model.heads,
                headKind: model.headKind, contextLength: model.contextLength, ropeBase: model.ropeBase,
                normEpsilon: model.normEpsilon
            ).validate()
        } catch {
            throw invalidValue(shapeKey, error.description)
        }
    }

    /// The key that makes the shape impossible: of those that contradict each other, one that an option set, else one
    /// that the file names.
    private var shapeKey: String {
        let dimension = model.headDimension ?? model.width / model.attentionHeads
        let candidates: [String] =
            if totalLayers < model.heads
                || model.trunkLayers == nil && model.headKind.areBlocks
                    && model.layers <= model.heads
            {
                ["model.heads", "model.layers", "model.trunkLayers"]
            } else if model.attentionHeads % (model.keyValueHeads ?? model.attentionHeads) != 0 {
                ["model.keyValueHeads", "model.attentionHeads"]
            } else if dimension % 2 != 0 {
                ["model.headDimension", "model.width", "model.attentionHeads"]
            } else {
                ["model.feedForwardWidth", "model.width", "model.contextLength"]
            }
        return candidates.first { provenance.places[$0]?.hasPrefix("--set") ?? false }
            ?? candidates.first { provenance.keys.contains($0) } ?? candidates[0]
    }

    /// What the heads learn from.
    private func validateHeads() throws {
        let problem = training.headWeights.problem(heads: model.heads)
        try require(problem == nil, "training.headWeights", problem ?? "")
        let readsOthers = HeadGraph(kind: model.headKind, heads: model.heads).headOneReadsOthers
        for (key, isSet) in [("detachTrunk", training.detachTrunk), ("freezeTrunk", training.freezeTrunk)] {
            try require(
                !isSet || !readsOthers, "training.\(key)",
                "\(model.headKind) heads stand between the trunk and head 1, so nothing can be learnt without changing it"
            )
        }
        // Weights change along lines between the points, so what is positive at all points is so in between.
        let points: [Int] = if case .points(let points) = training.headWeights { points.map(\.step) } else { [1] }
        let weights = points.map { training.headWeights.values(at: $0, heads: model.heads) }
        try require(
            training.curriculum == .none || weights.allSatisfy { $0[0] > 0 }, "training.headWeights",
            "a curriculum has steps with head 1 alone, whose weight must not be 0")
        guard training.freezeTrunk else { return }
        try require(model.heads > 1, "training.freezeTrunk", "heads is 1: nothing is left to learn")
        try require(
            training.curriculum == .none, "training.curriculum",
            "with freezeTrunk only heads 2…n learn, and a curriculum has steps without them")
        let learns = weights.allSatisfy { $0.dropFirst().contains { $0 > 0 } }
        try require(learns, "training.headWeights", "with freezeTrunk heads 2…n must not all have weight 0")
    }
}
