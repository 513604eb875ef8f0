import ForetokenText

extension Recipe {
    /// A source of a mixture, and how often training reads it.
    public struct MixtureShare: Sendable, Equatable {
        /// The shard's path.
        public let path: String
        /// Its share of the sequences.
        public let share: Double
        /// How often its text is read in the recipe's steps; nil where the recipe's length is a time.
        public let epochs: Double?
    }

    /// The sources of ``Data/sources`` with their shares; empty unless there are several and all can be read.
    public var mixtureShares: [MixtureShare] {
        guard data.sources.count > 1, let tokenizer = try? dataTokenizer(),
            let loader = try? batchLoader(data.sources, tokenizer: tokenizer)
        else { return [] }
        let total = data.sources.reduce(0) { $0 + $1.weight }
        let sequences = (training.steps ?? 0) * training.batchSize * training.accumulation
        return zip(data.sources, loader.epochs(afterSequences: sequences)).map { source, epochs in
            MixtureShare(path: source.path, share: source.weight / total, epochs: sequences > 0 ? epochs : nil)
        }
    }
}
