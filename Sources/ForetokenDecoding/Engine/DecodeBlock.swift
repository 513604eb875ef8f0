internal import CTorch
import ForetokenModel

/// A transformer block over rows of hidden states with a cache: the same mathematics as `TransformerBlock`, by the
/// row-invariant kernels.
struct DecodeBlock {
    private let attentionNorm: DecodeWeight
    private let query: DecodeWeight
    private let key: DecodeWeight
    private let value: DecodeWeight
    private let output: DecodeWeight
    private let feedForwardNorm: DecodeWeight
    private let gate: DecodeWeight
    private let up: DecodeWeight
    private let down: DecodeWeight
    private let configuration: ModelConfiguration

    init(_ block: TransformerBlock, _ configuration: ModelConfiguration) {
        attentionNorm = DecodeWeight(block.attentionNorm)
        query = DecodeWeight(block.query)
        key = DecodeWeight(block.key)
        value = DecodeWeight(block.value)
        output = DecodeWeight(block.output)
        feedForwardNorm = DecodeWeight(block.feedForwardNorm)
        gate = DecodeWeight(block.gate)
        up = DecodeWeight(block.up)
        down = DecodeWeight(block.down)
        self.configuration = configuration
    }

    var byteCount: Int {
        [attentionNorm, query, key, value, output, feedForwardNorm, gate, up, down].reduce(0) { $0 + $1.byteCount }
    }

    /// Appends the rows to the cache and replaces the last `outputs` of them by the block's output.
    ///
    /// - Parameters:
    ///   - x: [rows, D], in place; rows before the last `outputs` keep their input and only enter the cache.
    ///   - positions: of each row.
    func run(
        _ x: UnsafeMutablePointer<Float>, rows: Int, outputs: Int, positions: [Int64], cache: KeyValueCache,
        rotary: DecodeRotary, workspace: Workspace
    ) {
        let width = configuration.width
        let dimension = configuration.headDimension
        let (heads, shared) = (configuration.attentionHeads, configuration.keyValueHeads)
        let epsilon = Float(configuration.normEpsilon)
        let normed = workspace.normed.reserve(rows * width)
        let keys = workspace.key.reserve(rows * key.rows)
        let values = workspace.value.reserve(rows * value.rows)
        let queries = workspace.query.reserve(outputs * query.rows)
        let skipped = rows - outputs
        let tail = x + skipped * width
        let tailPositions = Array(positions.suffix(outputs))

        ct_k_rms_norm(x, Int64(rows), Int64(width), attentionNorm.pointer, epsilon, normed)
        if skipped == 0 {
            product([job(query, queries), job(key, keys), job(value, values)], normed, rows: rows)
        } else {
            product([job(key, keys), job(value, values)], normed, rows: rows)
            product([job(query, queries)], normed + skipped * width, rows: outputs)
        }
        ct_k_rope(queries, Int64(outputs), Int64(heads), Int64(dimension), tailPositions, rotary.cosine, rotary.sine)
        ct_k_rope(keys, Int64(rows), Int64(shared), Int64(dimension), positions, rotary.cosine, rotary.sine)
        let first = cache.reserve(rows)
        for (rowsToStore, store) in [(keys, cache.keys), (values, cache.values)] {
            ct_k_cache_append(
                rowsToStore, Int64(rows), Int64(shared), Int64(dimension), store, Int64(cache.capacity), Int64(first))
        }
        let lengths = (0..<outputs).map { Int64(first + skipped + $0 + 1) }
        let attended = workspace.attended.reserve(outputs * query.rows)
        ct_k_attention(
            queries, Int64(outputs), Int64(heads), Int64(shared), Int64(dimension), cache.keys, cache.values,
            Int64(cache.capacity), lengths, 1 / Float(dimension).squareRoot(), attended)
        product([job(output, tail, accumulate: true)], attended, rows: outputs)

        ct_k_rms_norm(tail, Int64(outputs), Int64(width), feedForwardNorm.pointer, epsilon, normed)
        let gated = workspace.gate.reserve(outputs * gate.rows)
        let raised = workspace.up.reserve(outputs * up.rows)
        product([job(gate, gated), job(up, raised)], normed, rows: outputs)
        ct_k_swiglu(gated, raised, Int64(outputs * gate.rows), gated)
        product([job(down, tail, accumulate: true)], gated, rows: outputs)
    }
}

/// One output of a product: rows of `y` lie `weight.rows` apart.
func job(_ weight: DecodeWeight, _ y: UnsafeMutablePointer<Float>, accumulate: Bool = false) -> (ct_k_job, Int) {
    let job = ct_k_job(
        w: weight.pointer, out: Int64(weight.rows), y: y, y_stride: Int64(weight.rows), accumulate: accumulate ? 1 : 0)
    return (job, weight.columns)
}

/// Products of the same rows with several weights.
func product(_ jobs: [(ct_k_job, Int)], _ x: UnsafePointer<Float>, rows: Int) {
    let width = jobs[0].1
    precondition(jobs.allSatisfy { $0.1 == width })
    ct_k_linear(jobs.map(\.0), Int32(jobs.count), x, Int64(rows), Int64(width), Int64(width))
}
