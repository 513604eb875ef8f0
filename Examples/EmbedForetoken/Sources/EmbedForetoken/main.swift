// A program of your own on Foretoken's libraries: trains a tiny model on a sentence, then decodes with it.

import ForetokenDecoding
import ForetokenFiles
import ForetokenModel
import ForetokenText
import ForetokenTraining
import Foundation

let folder = FileManager.default.temporaryDirectory.appendingPathComponent("embed-\(UUID().uuidString)")
try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
defer { try? FileManager.default.removeItem(at: folder) }

// Text to a token shard.
let tokenizer = ByteTokenizer()
let shard = try TokenShardWriter(folder.appendingPathComponent("train.tokens"), tokenizer: tokenizer)
for _ in 0..<20 { try shard.append(tokenizer.encode("the quick brown fox jumps over the lazy dog. ")) }
try shard.finish()

// A recipe in code; `Recipe(contentsOf:)` reads one from YAML.
var recipe = Recipe()
recipe.data.train = folder.appendingPathComponent("train.tokens").path
recipe.model.width = 32
recipe.model.layers = 4
recipe.model.attentionHeads = 2
recipe.model.heads = 2
recipe.model.contextLength = 64
recipe.training.steps = 60
recipe.training.batchSize = 2
recipe.training.learningRate = 0.01
recipe.training.validationEvery = 0

// Trainers live on the compute thread.
let model = try await train(recipe, in: folder.appendingPathComponent("run"))

// Both ways of decoding give the same text; with two heads it takes fewer passes.
var texts: [String] = []
for heads in 1...2 {
    let stream = try await model.stream("the quick ", maximumTokens: 40, heads: heads)
    var text = ""
    for try await pieces in stream { text += pieces.map(\.text).joined() }
    print("heads \(heads): \(await stream.statistics.forwards) passes: the quick \(text)")
    texts.append(text)
}
guard texts[0] == texts[1] else { fatalError("speculative decoding changed the text") }

@ComputeActor
func train(_ recipe: Recipe, in folder: URL) throws -> LanguageModel {
    let trainer = try Trainer(recipe: recipe, folder: RunFolder(folder))
    guard try trainer.run() == .finished else { throw CancellationError() }
    return try LanguageModel(DecodeModel(reading: trainer.model), tokenizer: ByteTokenizer())
}
