public import ForetokenModel
import Torch

/// The bytes a training step on the CPU in float32 will hold, from the recipe alone.
///
/// Follows the step through its stations (trunk forward, each head's loss and backward, trunk backward) and takes the highest.
/// N = B·T tokens of a micro-batch, D width, F feed-forward width, Q = H·d, K = key and value width, V vocabulary.
public struct MemoryEstimate: Sendable, Equatable {
    /// Weights.
    public let weights: Int
    /// Their gradients, once all are there.
    public let gradients: Int
    /// The two means of AdamW.
    public let optimizer: Int
    /// The most a step holds at once, weights and optimizer included; the tensors' bytes, as `Memory` counts them.
    public let peak: Int

    /// What a step holds beyond weights, gradients and optimizer state.
    public var transient: Int { max(0, peak - weights - gradients - optimizer) }

    /// The estimate for a recipe; with several ranks, for the one that keeps the most of the optimizer's state.
    public init(_ recipe: Recipe, configuration: ModelConfiguration, ranks: Int = 1) {
        let samples = recipe.training.batchSize * recipe.training.accumulation
        let share = max(1, (samples + ranks - 1) / ranks)
        let step = Step(
            c: configuration, tokens: min(recipe.training.batchSize, share) * recipe.model.context,
            length: recipe.model.context, recompute: recipe.memory.recompute == .blocks,
            accumulates: share > recipe.training.batchSize,
            logitsBytes: recipe.logitsMiB << 20,
            isFrozen: recipe.training.freezeTrunk,
            softTargets: min(recipe.training.softTargets, configuration.vocabulary))
        weights = 4 * step.parameters
        gradients = 4 * step.learnt
        let sizes = ranks == 1 ? [gradients] : step.tensors.map { 4 * $0 }
        let plan = ShardPlan(bytes: sizes, stages: [], ranks: ranks)
        optimizer = 2 * ((0..<ranks).map { plan.bytes(of: $0, sizes) }.max() ?? 0)
        // What no machine holds might not fit an Int.
        let inner = 2 * (step.queries + step.keys + configuration.feedForwardWidth + configuration.width)
        let most =
            Double(step.tokens) * (Double(configuration.layers) * Double(inner) + Double(configuration.vocabulary))
        peak =
            most * Double(configuration.heads) > 0x1p56
            ? 1 << 60 : weights + optimizer + 4 * step.highest(recipe.training.objective)
    }
}

/// Counts in floats of 4 bytes.
private struct Step {
    let c: ModelConfiguration
    let tokens: Int
    let length: Int
    let recompute: Bool
    /// Whether gradients of an earlier micro-batch are there from the start.
    let accumulates: Bool
    /// The most logits of `fused`.
    let logitsBytes: Int
    /// Whether only heads 2…n learn.
    let isFrozen: Bool
    /// k of head 1's tokens that the others learn from.
    let softTargets: Int

    // MARK: parameters
    var queries: Int { c.attentionHeads * c.headDimension }
    var keys: Int { c.keyValueHeads * c.headDimension }
    var feedForward: Int { c.width * c.feedForwardWidth }
    /// Biases and norms of attention.
    var vectors: [Int] {
        let biases =
            switch c.attentionBias {
            case .none: [Int]()
            case .inputs: [queries, keys, keys]
            case .all: [queries, keys, keys, c.width]
            }
        return biases + (c.queryKeyNorm ? [c.headDimension, c.headDimension] : [])
    }
    var block: Int {
        c.width * (2 * queries + 2 * keys) + 3 * feedForward + 2 * c.width + vectors.reduce(0, +)
    }
    var table: Int { c.vocabulary * c.width }
    var ends: Int { c.width + (c.tieEmbeddings ? 1 : 2) * table }
    /// A head's own: body, joining, unembedding.
    func own(_ node: HeadGraph.Node) -> Int {
        (node.body == .block ? block : c.width * c.width) + (node.joined == nil ? 0 : 2 * c.width * (c.width + 1))
            + (c.unembedding == .replicated && node.head > 1 ? table : 0)
    }
    var graph: HeadGraph { c.headGraph }
    var parameters: Int { c.trunkLayers * block + graph.nodes.reduce(0) { $0 + own($1) } + ends }

    func learns(_ node: HeadGraph.Node) -> Bool { !isFrozen || node.head > 1 }
    /// Parameters that learn.
    var learnt: Int { isFrozen ? graph.nodes.filter(learns).reduce(0) { $0 + own($1) } : parameters }

    /// The floats of each tensor that learns.
    var tensors: [Int] {
        let matrices = [queries, keys, keys, queries].map { $0 * c.width }
        let block = matrices + [Int](repeating: feedForward, count: 3) + [c.width, c.width] + vectors
        let heads = graph.nodes.filter(learns).flatMap { node in
            (node.body == .block ? block : [c.width * c.width])
                + (node.joined == nil ? [] : [2 * c.width * c.width, c.width, c.width])
                + (c.unembedding == .replicated && node.head > 1 ? [table] : [])
        }
        if isFrozen { return heads }
        let trunk = [[Int]](repeating: block, count: c.trunkLayers).joined()
        return heads + trunk + [c.width] + [Int](repeating: table, count: c.tieEmbeddings ? 1 : 2)
    }

    // MARK: activations
    /// One [B, T, D].
    var hidden: Int { tokens * c.width }
    /// What a block keeps: its input, the rotated queries and keys, the values, attention's output and log-sums, the middle
    /// of the block, gate and up, two 1/rms. Neither normed rows nor the product of gate and up.
    var kept: Int {
        2 * hidden + tokens * (2 * queries + 2 * keys + c.attentionHeads + 2 * c.feedForwardWidth + 2)
    }
    /// On top, while a block runs: the product of gate and up, and the output.
    var forward: Int { tokens * c.feedForwardWidth + hidden }
    /// On top of what is kept, while a block runs backward: the feed-forward's gradient of its product beside that of `down`,
    /// or the normed rows beside three weight gradients; or, its gate and up freed, attention's gradients of its output,
    /// queries, keys and values.
    var backward: Int {
        let product = tokens * c.feedForwardWidth
        let attention = hidden + tokens * (2 * queries + 2 * keys) + 3 * feedForward - 2 * product
        return hidden + max(product + feedForward, hidden + 3 * feedForward, attention)
    }
    /// What a head keeps beside its input; one that joins embeddings also both normed rows, the joined ones and a copy of the
    /// embeddings' rows.
    func kept(_ node: HeadGraph.Node) -> Int {
        guard learns(node) else { return 0 }
        return (node.body == .block ? kept - hidden : 0) + (node.joined == nil ? 0 : 4 * hidden)
    }

    // MARK: the step
    func highest(_ objective: ObjectiveName) -> Int {
        // Rotary tables; tokens and one head's targets as int64; embeddings that heads join; soft
        // targets as int64 and float32, head 1's and one head's.
        let lookup = graph.joinedTokens > 0 ? hidden + tokens / length * graph.joinedTokens * c.width : 0
        let constant = length * c.headDimension + 4 * tokens + lookup + 9 * tokens * softTargets
        // The blocks' inputs alone, or all that they keep; and z.
        let trunk = (isFrozen ? 0 : c.trunkLayers * (recompute ? hidden : kept)) + hidden
        let replay = recompute ? kept : 0
        let heads = graph.nodes.reduce(0) { $0 + own($1) } + c.width + table
        let all = accumulates ? learnt : 0

        // The last block of the trunk's forward pass.
        var stations = c.trunkLayers > 0 ? [all + trunk + (isFrozen ? kept : replay - hidden) + forward] : []
        // The heads: logits [N, V], their log-softmax and its gradient; normed and plain output of the head, 1/rms.
        let logits = tokens * c.vocabulary
        let output = 2 * hidden + tokens
        switch objective {
        case .sequential, .fused: stations += walk(objective, trunk: trunk, logits: logits, output: output)
        case .joint:
            let count = c.heads - (isFrozen ? 1 : 0)
            let each = graph.nodes.reduce(0) { $0 + kept($1) } + count * (output + logits)
            let own = c.unembedding == .replicated ? c.heads - 1 : 0
            let tables = own * table + (isFrozen ? 0 : c.width + table)
            stations.append(all + trunk + each + 2 * logits)
            stations.append(max(all, tables) + trunk + each - count * logits + hidden + backward)
        }
        if isFrozen { return constant + (stations.max() ?? 0) }
        // The trunk backward, its first block and its last; then the embedding.
        let done = max(all, heads)
        if c.trunkLayers > 0 {
            stations.append(done + trunk + hidden + replay + backward)
            let inputs = recompute ? hidden : 0
            stations.append(max(all, heads + (c.trunkLayers - 1) * block) + kept + inputs + hidden + backward)
        }
        stations.append((accumulates ? parameters : parameters - table * (c.tieEmbeddings ? 0 : 1)) + table + hidden)
        return constant + (stations.max() ?? 0)
    }

    /// The heads one after another, from the one farthest from the trunk: the gradients of those before, of z and of the
    /// head's output from its readers, and the outputs of those to come that are read.
    func walk(_ objective: ObjectiveName, trunk: Int, logits: Int, output: Int) -> [Int] {
        var stations: [Int] = []
        var (made, embedded, zGradient) = (0, 0, 0)
        for (place, node) in graph.nodes.reversed().enumerated() {
            let isShared = node.head == 1 || c.unembedding == .shared
            let isFresh = isShared && !isFrozen && (place == 0 || c.unembedding == .replicated)
            let fresh = isFresh ? table + c.width : 0
            let toCome = graph.isFlat ? 0 : c.heads - 1 - place
            let before =
                (accumulates ? learnt : made) + trunk + zGradient + embedded + kept(node)
                + (toCome + (graph.isRead(node.head) ? 1 : 0)) * hidden
            let freshNow = accumulates ? 0 : fresh
            let ownTable = !isShared && !accumulates ? table : 0
            if objective == .sequential {
                stations.append(before + output + 3 * logits)
                // The unembedding's gradient before it is added to what is there.
                let added = isFrozen && isShared ? 0 : max(freshNow + ownTable, table)
                stations.append(before + added + output + hidden)
                if node.body == .block, learns(node) { stations.append(before + freshNow + ownTable + backward) }
            } else {
                // One chunk of logits, the unembedding's gradient from the first on, the head's output and its gradient; a
                // few tensors [chunk, D].
                let chunk = Tensor.fusedCrossEntropyChunk(
                    rows: tokens, vocabulary: c.vocabulary, logitsBytes: logitsBytes)
                let gradients = freshNow + ownTable
                stations.append(before + gradients + 2 * hidden + chunk * (c.vocabulary + 3 * c.width))
                if node.body == .block, learns(node) { stations.append(before + gradients + hidden + backward) }
            }
            made += (learns(node) ? own(node) : 0) + fresh
            if node.joined != nil, !isFrozen { embedded = hidden }
            if graph.isFlat, !isFrozen { zGradient = hidden }
        }
        return stations
    }
}
