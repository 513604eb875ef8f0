/// The configuration of a Llama-style multi-token model.
public struct ModelConfiguration: Sendable, Equatable {
    /// V: vocabulary size, special tokens included.
    public var vocabulary: Int
    /// D: the width of the residual stream.
    public var width: Int
    /// Number of transformer blocks in the trunk and, if the heads are blocks, the heads (the paper's count).
    public var layers: Int
    /// H: number of attention (query) heads.
    public var attentionHeads: Int
    /// K: number of key/value heads; divides H.
    public var keyValueHeads: Int
    /// The width of one attention head; even.
    public var headDimension: Int
    /// The width inside SwiGLU.
    public var feedForwardWidth: Int
    /// n: number of prediction heads, the next-token head included.
    public var heads: Int
    /// The architecture of the heads.
    public var headKind: HeadKind
    /// Whether the heads share one unembedding.
    public var unembedding: UnembeddingKind
    /// Whether the heads share the norm before the unembedding.
    public var finalNorm = FinalNormKind.shared
    /// Maximum context length, in tokens.
    public var contextLength: Int
    /// θ of the rotary embedding.
    public var ropeBase: Double
    /// RoPE scaling for contexts longer than the original one; nil for none.
    public var ropeScaling: RopeScaling?
    /// The attention projections that have biases.
    public var attentionBias: AttentionBias
    /// Whether each head's queries and keys are RMS-normed before the rotary embedding (Qwen 3).
    public var queryKeyNorm: Bool
    /// Whether gate, up and down projections have biases (Llama's `mlp_bias`).
    public var feedForwardBias: Bool
    /// The window of attention; nil for none.
    public var slidingWindow: SlidingWindow?
    /// ε of RMSNorm.
    public var normEpsilon: Double
    /// Whether embedding and unembedding share one matrix.
    public var tieEmbeddings: Bool
    /// Whether attention stops at the boundaries of packed documents.
    public var documentMask: Bool
    /// The tokenizer's name.
    public var tokenizerName: String
    /// The digest of the tokenizer's definition.
    public var tokenizerDigest: String
    /// The token before every document, if any.
    public var beginningOfText: Int32?
    /// The token after every document, if any.
    public var endOfText: Int32?
    /// Tokens with other roles; more ends of text among them.
    public var tokenRoles = TokenRoles()
    /// The type that `config.json` asks other programs to compute in, if not float32; kept through training.
    public var declaredType: StorageFormat?

    /// Creates a configuration; sizes that are nil are derived from the others.
    ///
    /// `multipleOf`: the SwiGLU width is 8D/3 rounded up to this.
    public init(
        vocabulary: Int, width: Int, layers: Int, attentionHeads: Int, keyValueHeads: Int? = nil,
        headDimension: Int? = nil, feedForwardWidth: Int? = nil, multipleOf: Int = 256, heads: Int,
        headKind: HeadKind = .parallel, unembedding: UnembeddingKind = .shared, contextLength: Int,
        ropeBase: Double = 10_000,
        ropeScaling: RopeScaling? = nil, attentionBias: AttentionBias = .none, queryKeyNorm: Bool = false,
        feedForwardBias: Bool = false, slidingWindow: SlidingWindow? = nil, normEpsilon: Double = 1e-5,
        tieEmbeddings: Bool = false, documentMask: Bool = false, tokenizerName: String = "",
        tokenizerDigest: String = "",
        beginningOfText: Int32? = nil, endOfText: Int32? = nil
    ) {
        self.vocabulary = vocabulary
        self.width = width
        self.layers = layers
        self.attentionHeads = attentionHeads
        self.keyValueHeads = keyValueHeads ?? attentionHeads
        self.headDimension = headDimension ?? width / max(1, attentionHeads)
        self.feedForwardWidth =
            feedForwardWidth ?? (8 * width / 3 + multipleOf - 1) / max(1, multipleOf) * multipleOf
        self.heads = heads
        self.headKind = headKind
        self.unembedding = unembedding
        self.contextLength = contextLength
        self.ropeBase = ropeBase
        self.ropeScaling = ropeScaling
        self.attentionBias = attentionBias
        self.queryKeyNorm = queryKeyNorm
        self.feedForwardBias = feedForwardBias
        self.slidingWindow = slidingWindow
        self.normEpsilon = normEpsilon
        self.tieEmbeddings = tieEmbeddings
        self.documentMask = documentMask
        self.tokenizerName = tokenizerName
        self.tokenizerDigest = tokenizerDigest
        self.beginningOfText = beginningOfText
        self.endOfText = endOfText
    }

    /// Number of blocks in the trunk.
    public var trunkLayers: Int { headKind.areBlocks ? layers - heads : layers }

    /// Number of blocks of next-token decoding: the trunk and the heads on the next-token path.
    public var nextTokenLayers: Int { trunkLayers + (headKind.areBlocks ? headGraph.path(to: 1).count : 0) }

    /// The number of tokens that a block attends to at most, itself included; nil if that is the whole context.
    ///
    /// - Parameter depth: the number of blocks between it and the embedding.
    public func window(depth: Int) -> Int? {
        guard let slidingWindow, depth >= slidingWindow.firstLayer, slidingWindow.size < contextLength else {
            return nil
        }
        return slidingWindow.size
    }

    /// Whether one GEMM computes the logits of several heads: they share the final norm and the unembedding.
    package var sharesLogits: Bool { unembedding == .shared && finalNorm == .shared }

    /// The graph of the heads.
    public var headGraph: HeadGraph { HeadGraph(kind: headKind, heads: heads) }

    /// FLOPs per token of a training step: 6 · (matrix parameters − embedding + (n−1)·V·D) + 6·layers·D·T.
    public func trainingFlopsPerToken(sequenceLength: Int) -> Double {
        let attention = width * headDimension * (2 * attentionHeads + 2 * keyValueHeads)
        let block = attention + 3 * width * feedForwardWidth
        let linearHeads = headKind == .linear ? heads * width * width : 0
        let joins = headGraph.joinedTokens * 2 * width * width
        let matrices = layers * block + linearHeads + joins + heads * vocabulary * width
        return 6 * Double(matrices) + 6 * Double(layers) * Double(width) * Double(sequenceLength)
    }

    /// Validates a configuration read from a file.
    ///
    /// - Throws: ``ModelError/impossible(_:)`` with a message that names the file.
    func validate(file: String) throws(ModelError) {
        do {
            try validate()
        } catch {
            guard case .impossible(let sentence) = error else { throw error }
            throw .impossible("\(file): \(sentence)")
        }
    }

    /// Validates the configuration.
    ///
    /// - Throws: ``ModelError/impossible(_:)`` with a message.
    public func validate() throws(ModelError) {
        for (name, value) in [
            ("vocabulary", vocabulary), ("width", width), ("layers", layers), ("attentionHeads", attentionHeads),
            ("keyValueHeads", keyValueHeads), ("headDimension", headDimension), ("feedForwardWidth", feedForwardWidth),
            ("heads", heads), ("context", contextLength),
        ] {
            guard value > 0 else { throw .impossible("\(name) is \(value); it must be at least 1") }
            guard value <= 1 << 24 else { throw .impossible("\(name) is \(value); it must be at most \(1 << 24)") }
        }
        // The outline lists every parameter.
        guard layers <= 1 << 16 else { throw .impossible("layers is \(layers); it must be at most \(1 << 16)") }
        // A single-head model may have one layer, that of head 1, and an empty trunk.
        if headKind.areBlocks, heads > layers || heads == layers && heads > 1 {
            throw .impossible(
                "heads is \(heads) and layers is \(layers): layers counts the trunk's blocks and the heads together, "
                    + "so heads must be smaller")
        }
        if attentionHeads % keyValueHeads != 0 {
            throw .impossible(
                "attentionHeads (\(attentionHeads)) is not a multiple of keyValueHeads (\(keyValueHeads))")
        }
        if headDimension % 2 != 0 {
            throw .impossible("headDimension is \(headDimension); the rotary embedding needs an even number")
        }
        // Keeps later sums of sizes far from overflow.
        let inner = Double(headDimension) * Double(attentionHeads + keyValueHeads) * 2 + 3 * Double(feedForwardWidth)
        let parameters =
            Double(width) * (Double(layers) * inner + Double(heads) * Double(width) + 2 * Double(vocabulary))
        guard parameters <= 0x1p40, heads <= 4096 else {
            throw .impossible("the model would have more than a trillion parameters or more than 4096 heads")
        }
        guard ropeBase > 1, ropeBase.isFinite, normEpsilon > 0, normEpsilon < 1 else {
            throw .impossible("ropeBase must be above 1 and normEpsilon between 0 and 1")
        }
        // The size of the rotary tables.
        guard contextLength * headDimension <= 1 << 30 else {
            throw .impossible(
                "context \(contextLength) times headDimension \(headDimension) is above the limit of \(1 << 30)")
        }
        try ropeScaling?.validate(context: contextLength)
        try slidingWindow?.validate()
        if attentionBias == .inputs, queryKeyNorm {
            throw .impossible("attentionBias 'inputs' cannot be combined with queryKeyNorm: no model family has both")
        }
        let special = [beginningOfText, endOfText, tokenRoles.beginning, tokenRoles.padding] + tokenRoles.ends
        for token in special.compactMap(\.self) where token < 0 || Int(token) >= vocabulary {
            throw .impossible("special token \(token) is outside the vocabulary of \(vocabulary)")
        }
    }
}
