public import ForetokenModel
import Torch

/// The bytes that a training step on the CPU in float32 will hold, from the recipe alone.
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
    ///
    /// - Throws: `ModelError.impossible(_:)` for sizes that make no model.
    public init(_ recipe: Recipe, configuration: ModelConfiguration, ranks: Int = 1) throws(ModelError) {
        let outline = try ModelOutline(configuration)
        let isFrozen = recipe.training.freezeTrunk
        let learnt = outline.parameters.filter { !isFrozen || $0.group.isLaterHead }.map { 4 * $0.count }
        weights = 4 * outline.parameterCount
        gradients = learnt.reduce(0, +)
        let plan = ShardPlan(bytes: learnt, stages: [], ranks: ranks)
        optimizer = 2 * ((0..<ranks).map { plan.bytes(of: $0, learnt) }.max() ?? 0)

        let sequences = recipe.training.batchSize * recipe.training.accumulation
        let share = max(1, (sequences + ranks - 1) / ranks)
        let tokens = min(recipe.training.batchSize, share) * recipe.sequenceLength
        guard Self.fitsAnInt(configuration, tokens: tokens) else {
            peak = 1 << 60
            return
        }
        let step = StepMemory(
            outline, configuration, recipe: recipe, tokens: tokens, learnt: gradients / 4,
            accumulates: share > recipe.training.batchSize)
        peak = weights + optimizer + 4 * step.peak(recipe.training.objective)
    }

    /// Whether all activations can be counted in an Int; if not, they fit into no machine either.
    private static func fitsAnInt(_ configuration: ModelConfiguration, tokens: Int) -> Bool {
        let attention = (configuration.attentionHeads + configuration.keyValueHeads) * configuration.headDimension
        let block = 2 * (attention + configuration.feedForwardWidth + configuration.width)
        let layers = Double(configuration.layers) * Double(block)
        return Double(tokens) * (layers + Double(configuration.vocabulary)) * Double(configuration.heads) <= 0x1p56
    }
}

/// Follows a step through its stations (trunk forward, each head's loss and backward, trunk backward, embedding) and
/// takes the highest. Counts in floats of 4 bytes, without weights and optimizer.
///
/// The formulas of a block, a head and a loss are beside each of them: ``TransformerBlock/MemoryFootprint``,
/// ``PredictionHead/MemoryFootprint``, ``LogitsLoss/MemoryFootprint``,
/// ``FusedLoss/peak(tokens:width:vocabulary:logitsBytes:)``.
private struct StepMemory {
    private let outline: ModelOutline
    private let graph: HeadGraph
    private let block: TransformerBlock.MemoryFootprint
    /// Inputs before their readers.
    private let heads: [(node: HeadGraph.Node, memory: PredictionHead.MemoryFootprint)]
    private let logitsLoss: LogitsLoss.MemoryFootprint
    private let fusedPeak: Int
    /// One [B, T, D].
    private let hidden: Int
    /// Of the trunk's forward pass, to the end: the blocks' inputs alone, or all that they keep; and z.
    private let trunk: Int
    /// Held all the time.
    private let constant: Int
    private let recompute: Bool
    /// Whether gradients of an earlier micro-batch are there from the start.
    private let accumulates: Bool
    /// Whether only heads 2…n learn.
    private let isFrozen: Bool
    private let isReplicated: Bool
    /// Elements of all parameters that learn.
    private let learnt: Int

    init(
        _ outline: ModelOutline, _ configuration: ModelConfiguration, recipe: Recipe, tokens: Int, learnt: Int,
        accumulates: Bool
    ) {
        let (width, vocabulary) = (configuration.width, configuration.vocabulary)
        let hidden = tokens * width
        let graph = configuration.headGraph
        let block = TransformerBlock.MemoryFootprint(
            outline.anyBlock, attentionHeads: configuration.attentionHeads, tokens: tokens)
        (self.outline, self.graph, self.block, self.hidden, self.learnt) = (outline, graph, block, hidden, learnt)
        (recompute, isFrozen) = (recipe.memory.recompute == .blocks, recipe.training.freezeTrunk)
        (self.accumulates, isReplicated) = (accumulates, configuration.unembedding == .replicated)
        heads = graph.nodes.map { node in
            (node, PredictionHead.MemoryFootprint(outline.heads[node.head - 1], block: block, hidden: hidden))
        }
        logitsLoss = LogitsLoss.MemoryFootprint(tokens: tokens, width: width, vocabulary: vocabulary)
        fusedPeak = FusedLoss.peak(
            tokens: tokens, width: width, vocabulary: vocabulary, logitsBytes: recipe.logitsMiB << 20)
        trunk = (isFrozen ? 0 : outline.trunk.count * (recompute ? hidden : block.kept)) + hidden
        // Rope tables; tokens and one head's targets as int64; embeddings that heads join; of self-distillation head
        // 1's targets and those of one head, as int64 and float32.
        let length = recipe.sequenceLength
        let joined = graph.joinedTokens > 0 ? hidden + tokens / length * graph.joinedTokens * width : 0
        let topK = min(recipe.training.selfDistillationTopK, vocabulary)
        constant = length * configuration.headDimension + 4 * tokens + joined + 9 * tokens * topK
    }

    // MARK: parameters
    /// Elements of the norm and of the unembedding of head 1: what heads share unless they have their own.
    private var shared: Int { outline.norm.count + outline.unembedding.count }
    /// Elements of the gradients that are there before a micro-batch's backward pass.
    private var earlier: Int { accumulates ? learnt : 0 }

    private func learns(_ node: HeadGraph.Node) -> Bool { !isFrozen || node.head > 1 }

    // MARK: stations
    func peak(_ objective: ObjectiveName) -> Int {
        let isJoint = objective == .joint
        let stations = trunkForward + (isJoint ? jointHeads : headByHead(objective)) + (isFrozen ? [] : trunkBackward)
        return constant + (stations.max() ?? 0)
    }

    /// The trunk's last block.
    private var trunkForward: [Int] {
        guard !outline.trunk.isEmpty else { return [] }
        let kept = isFrozen ? block.kept : recompute ? block.kept - hidden : -hidden
        return [earlier + trunk + kept + block.forwardPeak]
    }

    /// The trunk's last block, then its first, each run again where blocks are; then the embedding, whose gradient
    /// autograd makes before it is added to what is there.
    private var trunkBackward: [Int] {
        let (embedding, parameters) = (outline.embedding.count, outline.parameterCount)
        let isTied = outline.unembedding == outline.embedding
        let embeddingsOwn = accumulates || isTied ? 0 : embedding
        let last = [parameters - embeddingsOwn + embedding + hidden]
        guard let first = outline.trunk.first else { return last }
        let headGradients = heads.reduce(0) { $0 + $1.memory.parameters } + shared
        let blockGradients = (outline.trunk.count - 1) * first.parameters.reduce(0) { $0 + $1.count }
        let replayed = recompute ? block.kept : 0
        return [
            max(earlier, headGradients) + trunk + hidden + replayed + block.backwardPeak,
            max(earlier, headGradients + blockGradients) + block.kept + (recompute ? hidden : 0) + hidden
                + block.backwardPeak,
        ] + last
    }

    /// All heads at once: the last loss, then the first of the blocks to run backward.
    private var jointHeads: [Int] {
        let count = heads.count - (isFrozen ? 1 : 0)
        let kept = heads.reduce(0) { $0 + (learns($1.node) ? $1.memory.kept : 0) }
        let each = kept + count * (logitsLoss.kept + logitsLoss.logits)
        let tables = heads.reduce(0) { $0 + $1.memory.unembedding } + (isFrozen ? 0 : shared)
        return [
            earlier + trunk + each + 2 * logitsLoss.logits,
            max(earlier, tables) + trunk + each - count * logitsLoss.logits + hidden + block.backwardPeak,
        ]
    }

    /// The heads one after another, from the one farthest from the trunk: the gradients of those before, of z and of
    /// the head's output from its readers, and the outputs of those to come that are read.
    private func headByHead(_ objective: ObjectiveName) -> [Int] {
        var stations: [Int] = []
        var (done, embedded, zGradient) = (0, 0, 0)
        for (place, (node, memory)) in heads.reversed().enumerated() {
            let ownsUnembedding = memory.unembedding > 0
            // Whether this head is the first that adds to the norm and the shared unembedding.
            let isFirst = !ownsUnembedding && !isFrozen && (place == 0 || isReplicated)
            let fresh = isFirst ? shared : 0
            let gradients = accumulates ? 0 : fresh + memory.unembedding
            let toCome = graph.isFlat ? 0 : heads.count - 1 - place
            let before =
                (accumulates ? learnt : done) + trunk + zGradient + embedded + (learns(node) ? memory.kept : 0)
                + (toCome + (graph.isRead(node.head) ? 1 : 0)) * hidden
            let backwardPeak = learns(node) ? memory.backwardPeak : nil
            if objective == .sequential {
                stations.append(before + logitsLoss.peak)
                // The unembedding's gradient before it is added to what is there.
                let added = isFrozen && !ownsUnembedding ? 0 : max(gradients, outline.unembedding.count)
                stations.append(before + added + logitsLoss.kept + hidden)
                if let backwardPeak { stations.append(before + gradients + backwardPeak) }
            } else {
                // The unembedding's gradient is there from the first chunk on.
                stations.append(before + gradients + fusedPeak)
                if let backwardPeak { stations.append(before + gradients + hidden + backwardPeak) }
            }
            done += (learns(node) ? memory.parameters : 0) + fresh
            if node.joined != nil, !isFrozen { embedded = hidden }
            if graph.isFlat, !isFrozen { zGradient = hidden }
        }
        return stations
    }
}

extension ModelOutline {
    /// One of the model's blocks, which all have the same shapes.
    fileprivate var anyBlock: BlockOutline {
        if let block = trunk.first { return block }
        guard case .block(let block) = heads[0].body else {
            preconditionFailure("a model has a trunk or heads of blocks")
        }
        return block
    }
}
