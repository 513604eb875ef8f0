import ForetokenModel
public import ForetokenText

/// Compares next-token and self-speculative decoding on the same prompts.
public struct DecodingComparison: Sendable {
    /// One decoding method, over all prompts.
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
        /// Tokens per second after the prompts' passes.
        public var tokensPerSecond: Double { decodeSeconds > 0 ? Double(decodedTokens) / decodeSeconds : 0 }

        /// Drafts proposed and accepted.
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

    /// Next-token decoding.
    public private(set) var nextToken = Side()
    /// Self-speculative decoding with the requested number of heads.
    public private(set) var speculative = Side()
    /// Prompts whose two outputs differ; anything but 0 is a bug on a backend that is exact.
    public private(set) var differing = 0
    /// Texts that end in a loop.
    public private(set) var looping = 0
    /// Prompts decoded.
    public private(set) var prompts = 0
    /// Bytes of weights that a next-token pass reads ÷ those of a speculative pass.
    public private(set) var byteRatio = 1.0

    /// Tokens per second, speculative ÷ next-token.
    public var speedUp: Double {
        nextToken.tokensPerSecond > 0 ? speculative.tokensPerSecond / nextToken.tokensPerSecond : 0
    }

    /// Tokens per forward × ``byteRatio``: the speed-up if a pass took only as long as reading its weights.
    public var attainable: Double { speculative.tokensPerForward * byteRatio }

    /// Decodes every prompt with both methods, in alternation; `isAdaptive` as in ``GenerationRequest``.
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
        let engines = (nextToken: DecodeEngine(model), speculative: DecodeEngine(model))
        for (index, prompt) in prompts.enumerated() {
            func decode(_ heads: Int, _ engine: DecodeEngine) throws -> GenerationStatistics {
                var request = GenerationRequest(
                    prompt: prompt, maximumTokens: maximumTokens, heads: heads, sampler: sampler)
                request.isAdaptive = isAdaptive
                let session = try DecodingSession(engine, request, tokenizer: tokenizer)
                while try session.step() != nil {}
                return session.statistics
            }
            // The order alternates, since the second run benefits from warm caches.
            let nextTokenFirst = index % 2 == 0 || heads == 1 ? try decode(1, engines.nextToken) : nil
            let multiToken = heads == 1 ? nextTokenFirst : try decode(heads, engines.speculative)
            let singleToken = try nextTokenFirst ?? decode(1, engines.nextToken)
            guard let multiToken else { continue }
            nextToken.add(singleToken)
            speculative.add(multiToken)
            self.prompts += 1
            if singleToken.tokens != multiToken.tokens || singleToken.stopReason != multiToken.stopReason {
                differing += 1
            }
            if LoopDetector.loop(in: multiToken.tokens) != nil { looping += 1 }
        }
    }
}
