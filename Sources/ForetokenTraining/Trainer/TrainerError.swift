import ForetokenReport

/// Why training cannot start or go on.
public enum TrainerError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The loss or the gradient is NaN or infinite.
    case notFinite(step: Int, firstSequence: Int, losses: [Double], norm: Double)
    /// The checkpoint's trainer state does not fit.
    case foreignState(file: String, reason: String)
    /// The shard has no token to train on.
    case emptyCorpus(String)
    /// A step of each of the host's ranks holds more bytes, `transient` of them beside weights, gradients and optimizer state,
    /// than there are for all of them.
    case tooLarge(needed: Int, transient: Int, available: Int, ranks: Int)
    /// The model to start from was trained with another tokenizer.
    case otherTokenizer(model: String, found: String, expected: String)

    /// What happened and what to do.
    public var description: String {
        switch self {
        case .notFinite(let step, let sequence, let losses, let norm):
            "step \(step): the loss is not finite (per head \(losses), gradient norm \(norm)) in the batch that starts at "
                + "sequence \(sequence); nothing was changed by it. Lower training.learningRate, or resume from the last checkpoint"
        case .foreignState(let file, let reason): "\(file): \(reason); the checkpoint cannot be resumed"
        case .otherTokenizer(let model, let found, let expected):
            "\(model): was trained with the tokenizer '\(found)', not '\(expected)'; prepare the data with the model's "
                + "tokenizer (`foretoken prepare --tokenizer \(model)/tokenizer.json`)"
        case .emptyCorpus(let file): "\(file): holds no text to train on"
        case .tooLarge(let needed, let transient, let available, let ranks):
            "out of memory: a step needs about \(Formatting.bytes(Double(needed))) "
                + (ranks > 1 ? "in each of \(ranks) ranks " : "") + "and the machine has "
                + "\(Formatting.bytes(Double(available))); " + (ranks > 1 ? "start fewer ranks on it, " : "")
                + (needed - transient > available / ranks
                    ? "make the model smaller (`foretoken inspect` shows its parameters)"
                    : "lower training.batchSize or training.sequenceLength, with training.accumulation for the same batch, or set "
                        + "memory.recompute: blocks")
        }
    }
}
