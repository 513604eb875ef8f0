import ForetokenModel
public import ForetokenText

/// Next-token and self-speculative decoding of the same prompts, side by side.
public struct DecodingComparison: Sendable {
    /// One way of decoding, over all prompts.
    public struct Side: Sendable {
        /// Tokens emitted.
        public internal(set) var tokens = 0
        /// Forward passes.
        public internal(set) var forwards = 0
        /// Seconds after the prompts' passes.
        public internal(set) var decodeSeconds = 0.0
        /// Tokens emitted after the prompts' passes.
        public internal(set) var decodedTokens = 0

        /// Tokens ÷ forwards.
        public var tokensPerForward: Double { Double(tokens) / Double(max(1, forwards)) }
        /// Tokens a second after the prompts' passes.
        public var tokensPerSecond: Double { decodeSeconds > 0 ? Double(decodedTokens) / decodeSeconds : 0 }

        /// What became of the drafts.
        public internal(set) var drafts = DraftCounts()
        /// Mean seconds of a pass after the prompt's, drafting included.
        public var secondsPerPass: Double { decodePasses > 0 ? decodeSeconds / Double(decodePasses) : 0 }
        private var decodePasses = 0

        mutating func add(_ statistics: GenerationStatistics) {
            drafts += statistics.drafts
            decodePasses += max(0, statistics.forwards - 1)
            tokens += statistics.tokens.count
            forwards += statistics.forwards
            decodeSeconds += statistics.decodeSeconds
            decodedTokens += max(0, statistics.tokens.count - 1)
        }
    }

    /// Head 1 alone.
    public private(set) var plain = Side()
    /// All the heads asked for.
    public private(set) var speculative = Side()
    /// Prompts whose two outputs differ; always 0 unless something is broken.
    public private(set) var differing = 0
    /// Texts that loop at their end.
    public private(set) var looping = 0
    /// Prompts decoded.
    public private(set) var prompts = 0
    /// Bytes of weights of a plain pass ÷ of a speculative one.
    public private(set) var byteRatio = 1.0

    /// Tokens per second, speculative ÷ plain.
    public var speedUp: Double {
        plain.tokensPerSecond > 0 ? speculative.tokensPerSecond / plain.tokensPerSecond : 0
    }

    /// Tokens per forward × bytes of a plain pass ÷ of a speculative one: what reading weights alone would allow.
    public var attainable: Double { speculative.tokensPerForward * byteRatio }

    /// Decodes every prompt both ways, in alternation; `isAdaptive` as in ``GenerationRequest``.
    ///
    /// - Throws: ``DecodingError``, ``DecodingError/outOfMemory(_:)``.
    public init(
        _ model: DecodeModel, prompts: [[Int32]], maximumTokens: Int, heads: Int, isAdaptive: Bool = false,
        sampler: Sampler, tokenizer: any Tokenizer
    ) throws {
        guard (1...model.configuration.heads).contains(heads) else {
            throw DecodingError.tooManyHeads(asked: heads, available: model.configuration.heads)
        }
        byteRatio = Double(model.bytesRead(heads: 1)) / Double(model.bytesRead(heads: heads))
        let engines = (plain: DecodeEngine(model), speculative: DecodeEngine(model))
        for (index, prompt) in prompts.enumerated() {
            func decode(_ heads: Int, _ engine: DecodeEngine) throws -> GenerationStatistics {
                var request = GenerationRequest(
                    prompt: prompt, maximumTokens: maximumTokens, heads: heads, sampler: sampler)
                request.isAdaptive = isAdaptive
                let session = try DecodingSession(engine, request, tokenizer: tokenizer)
                while try session.step() != nil {}
                return session.statistics
            }
            // Who goes first changes, since the second finds the prompt's text in the caches of the machine.
            let early = index % 2 == 0 || heads == 1 ? try decode(1, engines.plain) : nil
            let many = heads == 1 ? early : try decode(heads, engines.speculative)
            let one = try early ?? decode(1, engines.plain)
            guard let many else { continue }
            plain.add(one)
            speculative.add(many)
            self.prompts += 1
            if one.tokens != many.tokens || one.stopReason != many.stopReason { differing += 1 }
            if LoopDetector.loop(in: many.tokens) != nil { looping += 1 }
        }
    }
}
