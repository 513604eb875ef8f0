import ForetokenModel
import Torch

/// The rate of a training step's GEMMs: forward, input gradient and weight gradient of every matrix, each alone and on
/// buffers that are kept. The rate of the step if everything else were free.
struct GemmMeter {
    /// One shape: x [rows, in] · wᵀ, w [out, in].
    private struct Shape {
        let rows: Int
        let input: Int
        let output: Int
        /// How often a step computes it; a fraction where the last chunk is smaller.
        var count: Double
        var flops: Double { 2 * Double(rows) * Double(input) * Double(output) }
    }

    private var shapes: [Shape] = []
    /// Seconds of every round, for each shape and each of its three GEMMs.
    private var times: [[[Double]]] = []

    /// - Parameters:
    ///   - rows: B·T.
    ///   - lossRows: the rows that the objective multiplies by the unembedding at once.
    init(_ model: MultiTokenModel, rows: Int, lossRows: Int) {
        // Matrices that one GEMM takes together, one below the other.
        func add(_ parameters: [Parameter], rows: Int, count: Double) {
            let input = parameters[0].tensor.shape[1]
            let output = parameters.reduce(0) { $0 + $1.tensor.shape[0] }
            let known = shapes.firstIndex { $0.rows == rows && $0.input == input && $0.output == output }
            if let known {
                shapes[known].count += count
            } else {
                shapes.append(Shape(rows: rows, input: input, output: output, count: count))
            }
        }
        func add(_ block: TransformerBlock) {
            for matrices in [
                [block.query, block.key, block.value], [block.output], [block.gate, block.up], [block.down],
            ] { add(matrices, rows: rows, count: 1) }
        }
        model.trunk.forEach(add)
        for head in model.heads {
            if let join = head.join { add([join.projection], rows: rows, count: 1) }
            switch head.body {
            case .block(let block): add(block)
            case .linear(let matrix): add([matrix], rows: rows, count: 1)
            }
        }
        let chunks = Double(rows) / Double(lossRows)
        add([model.unembedding], rows: lossRows, count: Double(model.heads.count) * chunks)
        times = shapes.map { _ in [[], [], []] }
    }

    /// Runs every GEMM once; the first round also touches the buffers' pages and is best not kept.
    mutating func measure(keeping: Bool) throws {
        let clock = ContinuousClock()
        try withoutGradient {
            for (index, shape) in shapes.enumerated() {
                let x = try Tensor.full(0.5, shape: [shape.rows, shape.input])
                let w = try Tensor.full(0.5, shape: [shape.output, shape.input])
                let dy = try Tensor.full(0.5, shape: [shape.rows, shape.output])
                let gemms = [
                    { x.linear(w) }, { dy.matmul(w) }, { dy.transposed(0, 1).matmul(x) },
                ]
                for (kind, gemm) in gemms.enumerated() {
                    let begin = clock.now
                    _ = gemm()
                    if keeping { times[index][kind].append((clock.now - begin).seconds) }
                }
            }
        }
    }

    /// FLOPs of all GEMMs with a weight matrix; attention's own are not among them.
    var flops: Double { shapes.reduce(0) { $0 + 3 * $1.count * $1.flops } }

    /// Seconds of all GEMMs of a step, from the median time of each.
    var seconds: Double {
        zip(shapes, times).reduce(0) { sum, each in
            sum + each.0.count * each.1.reduce(0) { $0 + median($1) }
        }
    }
}

/// The middle value; the lower of two.
func median(_ values: [Double]) -> Double {
    values.isEmpty ? .nan : values.sorted()[(values.count - 1) / 2]
}
