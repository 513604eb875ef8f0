import ForetokenModel
public import ForetokenText
public import Foundation
import Torch

/// The heads of a model measured on several token shards, each by itself.
public struct LossEvaluation {
    /// One shard and the heads' results on it.
    public struct Source {
        /// The shard.
        public let shard: TokenShard
        /// The results of every head.
        public let heads: HeadEvaluation
    }

    /// The model measured.
    public let model: MultiTokenModel
    /// The shards in the order given.
    public let sources: [Source]

    /// The longest sequence if none is given.
    public static let longestSequence = 4096

    /// Sequences of a batch.
    private static let batchSize = 8

    /// Reads a model and measures it; all shards are opened before the first is measured.
    ///
    /// - Parameters:
    ///   - folder: a run or model folder.
    ///   - files: the token shards.
    ///   - batches: the most batches of 8 sequences of each shard, from its beginning.
    ///   - sequenceLength: the tokens of a sequence; the model's context length if nil, at most ``longestSequence``.
    /// - Throws: ``TrainerError/emptyCorpus(_:)``, ``ObjectiveError``, `ShardError`, `ModelError`, `TorchError.outOfMemory`.
    public init(model folder: URL, on files: [URL], batches: Int, sequenceLength: Int? = nil) throws {
        let folder = try ModelFolder.locate(folder)
        let model = try ModelFolder.read(folder)
        let configuration = model.configuration
        let length = min(configuration.contextLength, sequenceLength ?? Self.longestSequence)
        let tokenizer = try ModelFolder.tokenizer(in: folder, of: configuration)
        let shards = try files.map { file in
            let shard = try TokenShard(contentsOf: file)
            guard shard.tokenCount > 0 else { throw TrainerError.emptyCorpus(file.relativePath) }
            return shard
        }
        let loaders = try shards.map { shard in
            BatchLoader(
                try PackedTokens([shard], tokenizer: tokenizer), sequenceLength: length,
                heads: configuration.heads, seed: 0)
        }
        sources = try zip(shards, loaders).map { shard, loader in
            Source(
                shard: shard,
                heads: try HeadEvaluation(
                    of: model, on: loader, batchSize: Self.batchSize, batches: batches, tokenizer: tokenizer))
        }
        self.model = model
    }
}
