package import ForetokenModel

extension Recipe {
    /// The longest sequence that is chosen for a recipe that names none: more would rarely be filled, and steps be slow.
    private static let longestChosen = 2048

    /// T: the tokens of a training sequence.
    public var sequenceLength: Int { training.sequenceLength ?? model.contextLength }

    /// Chooses ``Training/sequenceLength`` for a model from a checkpoint, whose context may be far longer than a step can
    /// hold: its context length, or a power of two below, as fits.
    ///
    /// - Parameters:
    ///   - configuration: the model to train.
    ///   - memory: the bytes that a step may take; nil if they are not known.
    ///   - ranks: the processes that share the sequences of a step.
    /// - Returns: whether one was chosen; a recipe that names it or the context length keeps what it says.
    /// - Throws: `ModelError.impossible(_:)`, ``RecipeError/invalidValue(place:key:reason:)`` for a length above the context.
    package mutating func chooseSequenceLength(
        for configuration: ModelConfiguration, memory: Int?, ranks: Int = 1
    ) throws -> Bool {
        let context = configuration.contextLength
        if let length = training.sequenceLength, length > context {
            throw invalidValue(
                "training.sequenceLength", "\(length) is above the model's context length, \(context) tokens")
        }
        guard training.sequenceLength == nil, !provenance.keys.contains("model.contextLength") else { return false }
        var length = Self.longestChosen
        if context <= length { length = context }
        while length > 64 {
            training.sequenceLength = length
            guard let memory else { break }
            // A tenth stays for what the estimate does not see.
            if try MemoryEstimate(self, configuration: configuration, ranks: ranks).peak <= memory / 10 * 9 { break }
            length = length.nonzeroBitCount == 1 ? length / 2 : 1 << (Int.bitWidth - 1 - length.leadingZeroBitCount)
        }
        training.sequenceLength = length == context ? nil : length
        return training.sequenceLength != nil
    }
}
