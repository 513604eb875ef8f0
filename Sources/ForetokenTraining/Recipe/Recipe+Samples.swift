import ForetokenModel
import ForetokenReport
import ForetokenText
import Foundation
import Torch

extension Recipe {
    /// The samples of a token shard, or of a JSONL file of examples.
    ///
    /// - Throws: `ShardError`, ``TrainerError/emptyCorpus(_:)``, `SupervisedError`.
    func samples(_ path: String, tokenizer: any Tokenizer) throws -> any SampleSource {
        let url = URL(fileURLWithPath: path)
        if path.hasSuffix(".jsonl") {
            let examples = try SupervisedExamples(
                contentsOf: url, tokenizer: tokenizer, masksPrompts: data.maskPrompts)
            let loader = SupervisedLoader(
                examples, tokenizer: tokenizer, context: model.context, heads: model.heads, seed: seed)
            guard loader.sampleCount > 0 else { throw SupervisedError.empty(file: path) }
            if loader.cutExamples > 0 {
                Terminal.log("\(path): \(loader.cutExamples) examples are longer than model.context and are cut")
            }
            return loader
        }
        return try batchLoader([Data.Source(path: path)], tokenizer: tokenizer)
    }

    /// What to train on: one file, or several shards mixed.
    func trainingSamples(tokenizer: any Tokenizer) throws -> any SampleSource {
        data.sources.isEmpty
            ? try samples(data.train, tokenizer: tokenizer) : try batchLoader(data.sources, tokenizer: tokenizer)
    }

    /// The model that the recipe makes of the one in ``start``, and says what becomes of its heads; the recipe's shape is
    /// that one's afterwards.
    ///
    /// - Throws: ``RecipeError``, ``TrainerError/otherTokenizer(model:found:expected:)``, `ModelError`, `TorchError`.
    mutating func adaptedModel(
        of folder: URL, tokenizer: any Tokenizer, device: Device
    ) throws -> MultiTokenModel {
        let base = try ModelFolder.read(folder, device: device)
        let found = base.configuration
        guard found.tokenizerDigest.isEmpty || found.tokenizerDigest == tokenizer.digest else {
            let names = TokenizerError.names(
                found.tokenizerName, found.tokenizerDigest, tokenizer.name, tokenizer.digest)
            throw TrainerError.otherTokenizer(
                model: folder.relativePath, found: names.found, expected: names.expected)
        }
        let configuration = try takeShape(of: found)
        try validate()
        let model = try MultiTokenModel(configuration, adapting: base, newHeads: start.newHeads, seed: seed)
        let kept = model.keptHeads(of: base)
        func range(_ from: Int, _ to: Int) -> String { from == to ? "head \(from)" : "heads \(from) to \(to)" }
        var words = ["\(folder.relativePath): \(range(1, kept)) taken over"]
        if kept < base.heads.count { words.append("\(range(kept + 1, base.heads.count)) left out") }
        if kept < model.heads.count {
            let how = start.newHeads == .copied ? "copied from head 1" : "fresh"
            words.append("\(range(kept + 1, model.heads.count)) \(how)")
        }
        Terminal.log(words.joined(separator: ", "))
        return model
    }
}
