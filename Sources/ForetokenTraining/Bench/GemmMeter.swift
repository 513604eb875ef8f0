import ForetokenModel
import Torch

/// The rate of a training step's own matrix products: forward, input gradient and weight gradient of every matrix, each
/// alone and on buffers that are kept. What a step could reach if all else were free.
struct GemmMeter {
    /// One shape: x [rows, in] · wᵀ, w [out, in].
    private struct Shape {
        let rows: Int
        let input: Int
        let output: Int
        /// How often a step multiplies it; a fraction where the last chunk is smaller.
        var count: Double
        var flops: Double { 2 * Double(rows) * Double(input) * Double(output) }
    }

    private var shapes: [Shape] = []
    /// Seconds of every round, for each shape and each of its three products.
    private var times: [[[Double]]] = []

    /// - Parameters:
    ///   - rows: B·T.
    ///   - lossRows: the rows that the objective multiplies with the unembedding at once.
    init(_ model: MultiTokenModel, rows: Int, lossRows: Int) {
        func add(_ parameter: Parameter, rows: Int, count: Double) {
            let (output, input) = (parameter.tensor.shape[0], parameter.tensor.shape[1])
            let known = shapes.firstIndex { $0.rows == rows && $0.input == input && $0.output == output }
            if let known {
                shapes[known].count += count
            } else {
                shapes.append(Shape(rows: rows, input: input, output: output, count: count))
            }
        }
        for parameter in model.parameters where parameter.isMatrix {
            switch parameter.group {
            case .embedding, .unembedding: continue
            case .trunk, .head: add(parameter, rows: rows, count: 1)
            }
        }
        let chunks = Double(rows) / Double(lossRows)
        add(model.unembedding, rows: lossRows, count: Double(model.heads.count) * chunks)
        times = shapes.map { _ in [[], [], []] }
    }

    /// Times every product once.
    mutating func measure() throws {
        let clock = ContinuousClock()
        try withoutGradient {
            for (index, shape) in shapes.enumerated() {
                let x = try Tensor.full(0.5, shape: [shape.rows, shape.input])
                let w = try Tensor.full(0.5, shape: [shape.output, shape.input])
                let dy = try Tensor.full(0.5, shape: [shape.rows, shape.output])
                let products = [
                    { x.linear(w) }, { dy.matrixProduct(w) }, { dy.transposed(0, 1).matrixProduct(x) },
                ]
                for (kind, product) in products.enumerated() {
                    let begin = clock.now
                    _ = product()
                    times[index][kind].append((clock.now - begin).seconds)
                }
            }
        }
    }

    /// FLOPs a second over all products of a step, from the median time of each.
    var flopsPerSecond: Double {
        var (flops, seconds) = (0.0, 0.0)
        for (shape, times) in zip(shapes, times) {
            flops += 3 * shape.count * shape.flops
            seconds += shape.count * times.reduce(0) { $0 + median($1) }
        }
        return flops / seconds
    }
}

/// The middle value; the lower of two.
func median(_ values: [Double]) -> Double {
    values.isEmpty ? .nan : values.sorted()[(values.count - 1) / 2]
}
