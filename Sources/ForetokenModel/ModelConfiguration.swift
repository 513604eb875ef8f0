/// The shape of a Llama-style multi-token model.
public struct ModelConfiguration: Sendable, Equatable {
    /// V: tokens, with the special ones.
    public var vocabulary: Int
    /// D: the width of the residual stream.
    public var width: Int
    /// All transformer blocks: the trunk's and, for heads that are blocks, the heads' (the paper's count).
    public var layers: Int
    /// H: query heads of attention.
    public var attentionHeads: Int
    /// K: key and value heads; divides H.
    public var keyValueHeads: Int
    /// The width of one attention head; even.
    public var headDimension: Int
    /// The width inside SwiGLU.
    public var feedForwardWidth: Int
    /// n: prediction heads, with the next-token head.
    public var heads: Int
    /// What the heads are.
    public var headKind: HeadKind
    /// Whether the heads share one unembedding.
    public var unembedding: UnembeddingKind
    /// The longest text, in tokens, that the model is made for.
    public var context: Int
    /// θ of the rotary embedding.
    public var ropeBase: Double
    /// How the rotary angles are stretched beyond the context a model was first trained with; nil for not at all.
    public var ropeScaling: RopeScaling?
    /// Which projections of attention have biases.
    public var attentionBias: AttentionBias
    /// Whether queries and keys go through an RMSNorm of their own, head by head, before they are turned (Qwen 3).
    public var queryKeyNorm: Bool
    /// ε of RMSNorm.
    public var normEpsilon: Double
    /// Whether embedding and unembedding are one matrix.
    public var tieEmbeddings: Bool
    /// Whether attention stops at the boundaries of packed documents.
    public var documentMask: Bool
    /// The tokenizer's name.
    public var tokenizerName: String
    /// The digest of the tokenizer's definition.
    public var tokenizerDigest: String
    /// The token before every document, if there is one.
    public var beginningOfText: Int32?
    /// The token after every document, if there is one.
    public var endOfText: Int32?

    /// A configuration; sizes that are nil follow from the others.
    ///
    /// `multipleOf`: the SwiGLU width is 8D/3 rounded up to this.
    public init(
        vocabulary: Int, width: Int, layers: Int, attentionHeads: Int, keyValueHeads: Int? = nil,
        headDimension: Int? = nil, feedForwardWidth: Int? = nil, multipleOf: Int = 256, heads: Int,
        headKind: HeadKind = .parallel, unembedding: UnembeddingKind = .shared, context: Int, ropeBase: Double = 10_000,
        ropeScaling: RopeScaling? = nil, attentionBias: AttentionBias = .none, queryKeyNorm: Bool = false,
        normEpsilon: Double = 1e-5,
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
        self.context = context
        self.ropeBase = ropeBase
        self.ropeScaling = ropeScaling
        self.attentionBias = attentionBias
        self.queryKeyNorm = queryKeyNorm
        self.normEpsilon = normEpsilon
        self.tieEmbeddings = tieEmbeddings
        self.documentMask = documentMask
        self.tokenizerName = tokenizerName
        self.tokenizerDigest = tokenizerDigest
        self.beginningOfText = beginningOfText
        self.endOfText = endOfText
    }

    /// Blocks in the trunk.
    public var trunkLayers: Int { headKind.areBlocks ? layers - heads : layers }

    /// Blocks of plain decoding: the trunk's and those on the way to head 1.
    public var nextTokenLayers: Int { trunkLayers + (headKind.areBlocks ? headGraph.path(to: 1).count : 0) }

    /// The graph of the heads.
    public var headGraph: HeadGraph { HeadGraph(kind: headKind, heads: heads) }

    /// FLOPs of a training step per token: 6 · (matrix parameters − embedding + (n−1)·V·D) + 6·layers·D·T.
    public func trainingFlopsPerToken(context: Int) -> Double {
        let attention = width * headDimension * (2 * attentionHeads + 2 * keyValueHeads)
        let block = attention + 3 * width * feedForwardWidth
        let linearHeads = headKind == .linear ? heads * width * width : 0
        let joins = headGraph.joinedTokens * 2 * width * width
        let matrices = layers * block + linearHeads + joins + heads * vocabulary * width
        return 6 * Double(matrices) + 6 * Double(layers) * Double(width) * Double(context)
    }

    /// Refuses sizes that make no model, of a file that says them.
    ///
    /// - Throws: ``ModelError/impossible(_:)`` with the file and the sentence.
    func validate(file: String) throws(ModelError) {
        do {
            try validate()
        } catch {
            guard case .impossible(let sentence) = error else { throw error }
            throw .impossible("\(file): \(sentence)")
        }
    }

    /// Refuses sizes that make no model.
    ///
    /// - Throws: ``ModelError/impossible(_:)`` with the sentence.
    public func validate() throws(ModelError) {
        for (name, value) in [
            ("vocabulary", vocabulary), ("width", width), ("layers", layers), ("attentionHeads", attentionHeads),
            ("keyValueHeads", keyValueHeads), ("headDimension", headDimension), ("feedForwardWidth", feedForwardWidth),
            ("heads", heads), ("context", context),
        ] {
            guard value > 0 else { throw .impossible("\(name) is \(value); it must be at least 1") }
            guard value <= 1 << 24 else { throw .impossible("\(name) is \(value), beyond any model") }
        }
        // A plain model of one layer is that of head 1 alone.
        if headKind.areBlocks, heads > layers || heads == layers && heads > 1 {
            throw .impossible(
                "heads is \(heads) and layers is \(layers): layers counts the trunk's blocks and the heads together, "
                    + "so heads must be smaller")
        }
        if attentionHeads % keyValueHeads != 0 {
            throw .impossible("attentionHeads (\(attentionHeads)) is no multiple of keyValueHeads (\(keyValueHeads))")
        }
        if headDimension % 2 != 0 {
            throw .impossible("the attention heads' width is \(headDimension); rotary embedding needs an even one")
        }
        // Sums of sizes stay far within an Int.
        let inner = Double(headDimension) * Double(attentionHeads + keyValueHeads) * 2 + 3 * Double(feedForwardWidth)
        let parameters =
            Double(width) * (Double(layers) * inner + Double(heads) * Double(width) + 2 * Double(vocabulary))
        guard parameters <= 0x1p40, heads <= 4096 else {
            throw .impossible("the sizes make more than a trillion parameters or 4096 heads, beyond any model")
        }
        guard ropeBase > 1, ropeBase.isFinite, normEpsilon > 0, normEpsilon < 1 else {
            throw .impossible("ropeBase must be above 1 and normEpsilon between 0 and 1")
        }
        // The rotary tables, in numbers.
        guard context * headDimension <= 1 << 30 else {
            throw .impossible("context \(context) with attention heads of width \(headDimension) is beyond any model")
        }
        try ropeScaling?.validate()
        if attentionBias == .inputs, queryKeyNorm {
            throw .impossible("attentionBias 'inputs' does not go with queryKeyNorm: no family of models has both")
        }
        for token in [beginningOfText, endOfText].compactMap(\.self) where token < 0 || Int(token) >= vocabulary {
            throw .impossible("special token \(token) is outside the vocabulary of \(vocabulary)")
        }
    }
}
