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

    /// The estimate for a recipe.
    public init(_ recipe: Recipe, configuration: ModelConfiguration) {
        let step = Step(
            c: configuration, tokens: recipe.training.batchSize * recipe.model.context, length: recipe.model.context,
            recompute: recipe.memory.recompute == .blocks, accumulates: recipe.training.accumulation > 1,
            logitsBytes: recipe.memory.logitsMiB << 20)
        weights = 4 * step.parameters
        gradients = weights
        optimizer = 2 * weights
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

    // MARK: parameters
    var queries: Int { c.attentionHeads * c.headDimension }
    var keys: Int { c.keyValueHeads * c.headDimension }
    var feedForward: Int { c.width * c.feedForwardWidth }
    var block: Int { c.width * (2 * queries + 2 * keys) + 3 * feedForward + 2 * c.width }
    var head: Int { c.headKind == .parallel ? block : c.width * c.width }
    var table: Int { c.vocabulary * c.width }
    var ends: Int { c.width + (c.tieEmbeddings ? 1 : 2) * table }
    var parameters: Int { c.trunkLayers * block + c.heads * head + ends }

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
    /// What a head keeps beside its input.
    var headKept: Int { c.headKind == .parallel ? kept - hidden : 0 }

    // MARK: the step
    func highest(_ objective: ObjectiveName) -> Int {
        // Rotary tables; tokens and one head's targets as int64.
        let constant = length * c.headDimension + 4 * tokens
        // The blocks' inputs alone, or all that they keep; and z.
        let trunk = c.trunkLayers * (recompute ? hidden : kept) + hidden
        let replay = recompute ? kept : 0
        let heads = c.heads * head + c.width + table
        let all = accumulates ? parameters : 0

        // The last block of the trunk's forward pass.
        var stations = [all + trunk - hidden + replay + forward]
        // The heads: logits [N, V], their log-softmax and its gradient; normed and plain output of the head, 1/rms.
        let logits = tokens * c.vocabulary
        let output = 2 * hidden + tokens
        switch objective {
        case .sequential:
            // The last head: the gradients of the others and of z are there.
            let before = accumulates ? parameters : heads - head - (c.heads == 1 ? table : 0)
            let zGradient = c.heads == 1 ? 0 : hidden
            stations.append(before + trunk + zGradient + headKept + output + 3 * logits)
            stations.append(before + table + trunk + zGradient + headKept + output + hidden)
            if c.headKind == .parallel { stations.append(before + trunk + zGradient + headKept + backward) }
        case .fused:
            // One chunk of logits, the unembedding's gradient from the first on, the head's output and its gradient; a few
            // tensors [chunk, D].
            let before = accumulates ? parameters : heads - head - (c.heads == 1 ? table : 0)
            let zGradient = c.heads == 1 ? 0 : hidden
            let chunk = Tensor.fusedCrossEntropyChunk(
                rows: tokens, vocabulary: c.vocabulary, logitsBytes: logitsBytes)
            let fresh = c.heads == 1 && !accumulates ? table : 0
            stations.append(
                before + fresh + trunk + zGradient + headKept + 2 * hidden + chunk * (c.vocabulary + 3 * c.width))
            if c.headKind == .parallel { stations.append(before + trunk + zGradient + headKept + hidden + backward) }
        case .joint:
            let each = headKept + output + logits
            stations.append(all + trunk + c.heads * each + 2 * logits)
            stations.append(max(all, heads - c.heads * head) + trunk + c.heads * (each - logits) + hidden + backward)
        }
        // The trunk backward, its first block and its last; then the embedding.
        let done = max(all, heads)
        stations.append(done + trunk + hidden + replay + backward)
        let inputs = recompute ? hidden : 0
        stations.append(max(all, heads + (c.trunkLayers - 1) * block) + kept + inputs + hidden + backward)
        stations.append((accumulates ? parameters : parameters - table * (c.tieEmbeddings ? 0 : 1)) + table + hidden)
        return constant + (stations.max() ?? 0)
    }
}
