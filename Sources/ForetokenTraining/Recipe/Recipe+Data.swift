public import ForetokenText
import Foundation

extension Recipe {
    /// Opens shards and mixes them by their weights, in the order that the seed decides.
    ///
    /// - Throws: `ShardError`; ``TrainerError/emptyCorpus(_:)``.
    public func batchLoader(_ sources: [Data.Source], tokenizer: any Tokenizer) throws -> BatchLoader {
        let texts = try sources.map { source in
            let shard = try TokenShard(contentsOf: URL(fileURLWithPath: source.path))
            guard shard.tokenCount > 0 else { throw TrainerError.emptyCorpus(source.path) }
            return WeightedTokens(try PackedTokens([shard], tokenizer: tokenizer), weight: source.weight)
        }
        return BatchLoader(mixing: texts, sequenceLength: sequenceLength, heads: model.heads, seed: seed)
    }
}
