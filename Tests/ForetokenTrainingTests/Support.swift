import ForetokenModel
import ForetokenText
import Foundation
import TestSupport
import Torch

@testable import ForetokenTraining

/// Random tokens in random documents.
func randomBatch(
    batch: Int, context: Int, heads: Int, vocabulary: Int, seed: UInt64, documentLength: Int = 5
) -> TokenBatch {
    var generator = SeededGenerator(seed: seed)
    let count = batch * (context + heads)
    let tokens = (0..<count).map { _ in Int32.random(in: 0..<Int32(vocabulary), using: &generator) }
    let documents = (0..<count).map { Int32($0 % (context + heads) / documentLength) }
    return TokenBatch(batchSize: batch, sequenceLength: context, heads: heads, tokens: tokens, documents: documents)
}

struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed &+ 0x9E37_79B9_7F4A_7C15 }
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state >> 33) ^ (state << 31) ^ state
    }
}

/// A tiny corpus in token shards and a recipe that trains on it in a second.
func tinyRecipe(in folder: TemporaryFolder, steps: Int = 6, heads: Int = 3, kind: HeadKind = .parallel) throws -> Recipe
{
    for name in ["train", "validation"] {
        let writer = try TokenShardWriter(folder.file("\(name).tokens"), tokenizer: ByteTokenizer())
        for index in 0..<12 {
            try writer.append(ByteTokenizer().encode("def add_\(index)(a, b):\n    return a + b * \(index)\n"))
        }
        try writer.finish()
    }
    var recipe = Recipe()
    recipe.data.train = folder.file("train.tokens").path
    recipe.data.validation = folder.file("validation.tokens").path
    recipe.model.width = 16
    recipe.model.layers = 5
    recipe.model.attentionHeads = 2
    recipe.model.feedForwardWidth = 24
    recipe.model.heads = heads
    recipe.model.headKind = kind
    recipe.model.contextLength = 16
    recipe.training.steps = steps
    recipe.training.batchSize = 2
    recipe.training.accumulation = 2
    recipe.training.learningRate = 1e-2
    recipe.training.validationEvery = 3
    recipe.training.validationBatches = 2
    recipe.training.checkpointEvery = 2
    recipe.training.logEvery = 1
    return recipe
}
