import ForetokenModel
import ForetokenText
import Foundation
import Torch

extension Recipe {
    /// The sequences of a token shard, or of a JSONL file of examples.
    ///
    /// - Throws: `ShardError`, ``TrainerError/emptyCorpus(_:)``, `SupervisedError`.
    func sequences(
        _ path: String, tokenizer: any Tokenizer, templates: ChatTemplates? = nil, report: (TrainingEvent) -> Void
    ) throws -> any SequenceSource {
        let url = URL(fileURLWithPath: path)
        if path.hasSuffix(".jsonl") {
            let examples = try SupervisedExamples(
                contentsOf: url, tokenizer: tokenizer, masksPrompts: data.maskPrompts, templates: templates)
            let loader = SupervisedLoader(
                examples, tokenizer: tokenizer, sequenceLength: sequenceLength, heads: model.heads, seed: seed)
            guard loader.sequenceCount > 0 else { throw SupervisedError.empty(file: path) }
            if loader.cutExamples > 0 {
                report(.truncatedExamples(file: path, count: loader.cutExamples))
            }
            return loader
        }
        return try batchLoader([Data.Source(path: path)], tokenizer: tokenizer)
    }

    /// What to train on: one file, or several shards mixed.
    func trainingSequences(
        tokenizer: any Tokenizer, templates: ChatTemplates?, report: (TrainingEvent) -> Void
    ) throws -> any SequenceSource {
        data.sources.isEmpty
            ? try sequences(data.train, tokenizer: tokenizer, templates: templates, report: report)
            : try batchLoader(data.sources, tokenizer: tokenizer)
    }

    /// The model that the recipe makes of the checkpoint in ``start``; afterwards the recipe has its shape.
    ///
    /// - Throws: ``RecipeError``, ``TrainerError/otherTokenizer(model:found:expected:)``, `ModelError`, `TorchError`.
    mutating func adaptedModel(
        of folder: URL, tokenizer: any Tokenizer, device: Device, world: any World, isBegun: Bool,
        report: (TrainingEvent) -> Void
    ) throws -> MultiTokenModel {
        let base = try ModelFolder.read(folder, device: device)
        let found = base.configuration
        guard found.tokenizerDigest.isEmpty || found.tokenizerDigest == tokenizer.digest else {
            let names = TokenizerError.names(
                found.tokenizerName, found.tokenizerDigest, tokenizer.name, tokenizer.digest)
            throw TrainerError.otherTokenizer(
                model: folder.relativePath, found: names.found, expected: names.expected)
        }
        let configuration = try adoptShape(ofCheckpoint: found)
        if !isBegun { try chooseSequenceLength(for: configuration, on: device, world: world, report: report) }
        if configuration.contextLength < found.contextLength {
            report(.shorterContext(configuration.contextLength, context: found.contextLength))
        }
        try validate()
        let model = try MultiTokenModel(configuration, adapting: base, newHeads: start.newHeads, seed: seed)
        let kept = model.keptHeads(of: base)
        report(
            .started(
                .init(
                    folder: folder, kept: kept, before: base.heads.count, now: model.heads.count,
                    newHeads: start.newHeads)))
        return model
    }

    /// Chooses a length that fits on every rank.
    private mutating func chooseSequenceLength(
        for configuration: ModelConfiguration, on device: Device, world: any World, report: (TrainingEvent) -> Void
    ) throws {
        let memory = device == .cpu ? Torch.Memory.machineBytes / world.localSize : nil
        let isChosen = try chooseSequenceLength(for: configuration, memory: memory, ranks: world.size)
        if world.size > 1 {
            var lengths = [Double](repeating: 0, count: world.size)
            lengths[world.rank] = Double(sequenceLength)
            let least = Int(try world.sum(lengths).min() ?? 0)
            if least < sequenceLength { training.sequenceLength = least }
        }
        if isChosen {
            report(.sequenceLength(sequenceLength, context: configuration.contextLength))
        }
    }
}
