/// The part of a model that a parameter belongs to.
public enum ParameterGroup: Sendable, Hashable, CustomStringConvertible {
    /// The embedding.
    case embedding
    /// The shared blocks.
    case trunk
    /// Prediction head i.
    case head(Int)
    /// The final norm and the unembedding, shared by all heads.
    case unembedding

    /// The name in tables.
    public var description: String {
        switch self {
        case .embedding: "embedding"
        case .trunk: "trunk"
        case .head(let head): "head \(head)"
        case .unembedding: "unembedding"
        }
    }
}

/// A parameter's name, group and shape.
public struct ParameterOutline: Sendable, Hashable {
    /// The name in Hugging Face's Llama files; heads beyond the first are `heads.i.…`.
    public let name: String
    /// The part of the model it belongs to.
    public let group: ParameterGroup
    /// [out, in] of a matrix, [width] of a norm's scale or a bias.
    public let shape: [Int]

    /// Whether it is a matrix; the rest are the norms' scales and biases.
    public var isMatrix: Bool { shape.count == 2 }
    /// Elements.
    public var count: Int { shape.reduce(1, *) }
}

/// The parameters of one Llama block: attention and SwiGLU, each behind an RMSNorm. D is the model's width, H and K the query and
/// key/value heads, d their dimension, F the width inside SwiGLU.
public struct BlockOutline: Sendable, Equatable {
    /// Number of blocks between it and the embedding.
    public let depth: Int
    /// RMSNorm before attention [D].
    public let attentionNorm: ParameterOutline
    /// Query [H·d, D], key and value [K·d, D] and output projection [D, H·d] of attention.
    public let query, key, value, output: ParameterOutline
    /// Biases of queries [H·d], keys and values [K·d] and of the output [D]; see ``ModelConfiguration/attentionBias``.
    public let queryBias, keyBias, valueBias, outputBias: ParameterOutline?
    /// RMSNorm of each query and each key [d], if ``ModelConfiguration/queryKeyNorm``.
    public let queryNorm, keyNorm: ParameterOutline?
    /// RMSNorm before the feed-forward [D].
    public let feedForwardNorm: ParameterOutline
    /// Gate and up [F, D] and down projection [D, F].
    public let gate, up, down: ParameterOutline
    /// Biases of gate and up [F] and of down [D], if ``ModelConfiguration/feedForwardBias``.
    public let gateBias, upBias, downBias: ParameterOutline?

    /// `prefix`: the prefix of the names, `model.layers.3` or `heads.2`.
    init(prefix: String, group: ParameterGroup, depth: Int, _ configuration: ModelConfiguration) {
        func parameter(_ name: String, _ shape: Int...) -> ParameterOutline {
            ParameterOutline(name: "\(prefix).\(name)", group: group, shape: shape)
        }
        let (width, inner) = (configuration.width, configuration.feedForwardWidth)
        let queries = configuration.attentionHeads * configuration.headDimension
        let keys = configuration.keyValueHeads * configuration.headDimension
        let (hasInputBias, hasOutputBias) = (configuration.attentionBias != .none, configuration.attentionBias == .all)
        self.depth = depth
        attentionNorm = parameter("input_layernorm.weight", width)
        query = parameter("self_attn.q_proj.weight", queries, width)
        key = parameter("self_attn.k_proj.weight", keys, width)
        value = parameter("self_attn.v_proj.weight", keys, width)
        output = parameter("self_attn.o_proj.weight", width, queries)
        queryBias = hasInputBias ? parameter("self_attn.q_proj.bias", queries) : nil
        keyBias = hasInputBias ? parameter("self_attn.k_proj.bias", keys) : nil
        valueBias = hasInputBias ? parameter("self_attn.v_proj.bias", keys) : nil
        outputBias = hasOutputBias ? parameter("self_attn.o_proj.bias", width) : nil
        let hasNorms = configuration.queryKeyNorm
        queryNorm = hasNorms ? parameter("self_attn.q_norm.weight", configuration.headDimension) : nil
        keyNorm = hasNorms ? parameter("self_attn.k_norm.weight", configuration.headDimension) : nil
        feedForwardNorm = parameter("post_attention_layernorm.weight", width)
        gate = parameter("mlp.gate_proj.weight", inner, width)
        up = parameter("mlp.up_proj.weight", inner, width)
        down = parameter("mlp.down_proj.weight", width, inner)
        let hasFeedForwardBias = configuration.feedForwardBias
        gateBias = hasFeedForwardBias ? parameter("mlp.gate_proj.bias", inner) : nil
        upBias = hasFeedForwardBias ? parameter("mlp.up_proj.bias", inner) : nil
        downBias = hasFeedForwardBias ? parameter("mlp.down_proj.bias", width) : nil
    }

    /// All of them, in order.
    public var parameters: [ParameterOutline] {
        [attentionNorm, query, key, value, output]
            + [queryBias, keyBias, valueBias, outputBias, queryNorm, keyNorm].compactMap(\.self)
            + [feedForwardNorm, gate, up, down] + [gateBias, upBias, downBias].compactMap(\.self)
    }
}

/// The parameters of DeepSeek-V3's input of a head: projection [norm(hidden); norm(embedding)] (arXiv 2412.19437, equation 21).
public struct JoinOutline: Sendable, Equatable {
    /// RMSNorm of the hidden states and of the embeddings [D].
    public let hiddenNorm, embeddingNorm: ParameterOutline
    /// [D, 2D]; the hidden states' columns come first.
    public let projection: ParameterOutline

    init(prefix: String, group: ParameterGroup, width: Int) {
        func parameter(_ name: String, _ shape: Int...) -> ParameterOutline {
            ParameterOutline(name: "\(prefix).\(name).weight", group: group, shape: shape)
        }
        hiddenNorm = parameter("hidden_norm", width)
        embeddingNorm = parameter("embedding_norm", width)
        projection = parameter("projection", width, 2 * width)
    }

    /// All of them, in order.
    public var parameters: [ParameterOutline] { [hiddenNorm, embeddingNorm, projection] }
}

/// The parameters of one prediction head.
public struct HeadOutline: Sendable, Equatable {
    /// The parameters of its computation.
    public enum Body: Sendable, Equatable {
        /// A transformer block.
        case block(BlockOutline)
        /// A linear map [D, D].
        case linear(ParameterOutline)
    }

    /// Its node in the head graph.
    public let node: HeadGraph.Node
    /// The parameters of its computation.
    public let body: Body
    /// The parameters that join a later token's embedding to the input; nil if none is joined.
    public let join: JoinOutline?
    /// RMSNorm of its output [D]: its own, or the one that all heads share.
    public let norm: ParameterOutline
    /// [V, D]: its own, or the one that all heads share.
    public let unembedding: ParameterOutline
    /// Whether the norm is its own.
    public let ownsNorm: Bool
    /// Whether the unembedding is its own.
    public let ownsUnembedding: Bool

    /// Its own parameters, in order.
    public var parameters: [ParameterOutline] {
        var own = join?.parameters ?? []
        switch body {
        case .block(let block): own += block.parameters
        case .linear(let map): own.append(map)
        }
        return own + (ownsNorm ? [norm] : []) + (ownsUnembedding ? [unembedding] : [])
    }
}

/// The names, groups and shapes of all parameters of a model, without weights.
public struct ModelOutline: Sendable, Equatable {
    /// Token embedding [V, D].
    public let embedding: ParameterOutline
    /// The shared blocks.
    public let trunk: [BlockOutline]
    /// The heads; index 0 is head 1.
    public let heads: [HeadOutline]
    /// Final RMSNorm [D] of head 1 and, unless they have their own, of all heads.
    public let norm: ParameterOutline
    /// Unembedding [V, D] of head 1 and, unless they have their own, of all heads; the embedding itself when tied.
    public let unembedding: ParameterOutline
    /// All parameters, each once, in a fixed order.
    public let parameters: [ParameterOutline]

    /// Total number of elements.
    public var parameterCount: Int { parameters.reduce(0) { $0 + $1.count } }

    /// Number of elements of each group, in the order of the parameters.
    public var groupCounts: [(group: ParameterGroup, count: Int)] {
        var counts: [(group: ParameterGroup, count: Int)] = []
        for parameter in parameters {
            if counts.last?.group == parameter.group {
                counts[counts.count - 1].count += parameter.count
            } else {
                counts.append((parameter.group, parameter.count))
            }
        }
        return counts
    }

    /// Creates the outline of a configuration.
    ///
    /// - Throws: ``ModelError/impossible(_:)``.
    public init(_ configuration: ModelConfiguration) throws(ModelError) {
        try configuration.validate()
        let (width, vocabulary) = (configuration.width, configuration.vocabulary)
        let embedding = ParameterOutline(
            name: "model.embed_tokens.weight", group: .embedding, shape: [vocabulary, width])
        let unembedding =
            configuration.tieEmbeddings
            ? embedding : ParameterOutline(name: "lm_head.weight", group: .unembedding, shape: [vocabulary, width])
        let norm = ParameterOutline(name: "model.norm.weight", group: .unembedding, shape: [width])
        let trunk = (0..<configuration.trunkLayers).map {
            BlockOutline(prefix: "model.layers.\($0)", group: .trunk, depth: $0, configuration)
        }
        let graph = configuration.headGraph
        let nextTokenPath = graph.path(to: 1)
        let heads = (1...configuration.heads).compactMap { graph[$0] }.map { node in
            let (own, group) = ("heads.\(node.head)", ParameterGroup.head(node.head))
            let depth = configuration.trunkLayers + graph.path(to: node.head).count - 1
            // The heads on the next-token path are the next Llama layers, so that trunk and head 1 form one Llama.
            let prefix = nextTokenPath.contains(node.head) ? "model.layers.\(depth)" : own
            let body: HeadOutline.Body =
                switch node.body {
                case .block: .block(BlockOutline(prefix: prefix, group: group, depth: depth, configuration))
                case .linear:
                    .linear(ParameterOutline(name: "\(own).linear.weight", group: group, shape: [width, width]))
                }
            let ownsNorm = configuration.finalNorm == .replicated && node.head > 1
            let ownsUnembedding = configuration.unembedding == .replicated && node.head > 1
            return HeadOutline(
                node: node, body: body,
                join: node.joined.map { _ in JoinOutline(prefix: own, group: group, width: width) },
                norm: ownsNorm ? ParameterOutline(name: "\(own).norm.weight", group: group, shape: [width]) : norm,
                unembedding: ownsUnembedding
                    ? ParameterOutline(name: "\(own).lm_head.weight", group: group, shape: [vocabulary, width])
                    : unembedding, ownsNorm: ownsNorm, ownsUnembedding: ownsUnembedding)
        }
        (self.embedding, self.trunk, self.heads, self.norm, self.unembedding) = (
            embedding, trunk, heads, norm, unembedding
        )
        parameters =
            [embedding] + trunk.flatMap(\.parameters) + heads.flatMap(\.parameters) + [norm]
            + (configuration.tieEmbeddings ? [] : [unembedding])
    }
}
