import ForetokenModel

/// Records the operations of a forward pass, then runs them together.
struct Pass {
    private let model: DecodeModel
    private let allocator: BlockAllocator
    private var operations: [PassOperation] = []

    init(_ model: DecodeModel, _ allocator: BlockAllocator) {
        self.model = model
        self.allocator = allocator
        operations.reserveCapacity(model.configuration.layers + 2)
    }

    /// A block over the rows of x [rows, D]: all rows are written to the cache's `layer`; the outputs of the last `outputs`
    /// rows are written to y [outputs, D].
    private mutating func block(
        _ block: BlockID, layer: Int, rowTable: UnsafePointer<AttentionMetadata>?, rows: Int, outputs: Int,
        from x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>
    ) {
        operations.append(
            PassOperation(
                kind: .block(block, layer: layer, rowTable: rowTable, outputs: outputs), rows: rows, x: x, y: y))
    }

    /// y [rows, out] = x · matrixᵀ; with a norm, the normed x takes the place of x.
    mutating func gemm(
        _ matrix: MatrixID, norm: NormID? = nil, rows: Int, from x: UnsafePointer<Float>,
        to y: UnsafeMutablePointer<Float>
    ) {
        operations.append(PassOperation(kind: .gemm(matrix, norm: norm), rows: rows, x: x, y: y))
    }

    /// The trunk: embeddings x [rows, D], which it overwrites, to z [rows, D].
    mutating func trunk(
        rowTable: UnsafePointer<AttentionMetadata>?, rows: Int, from x: UnsafeMutablePointer<Float>,
        to z: UnsafeMutablePointer<Float>
    ) {
        if model.trunkLayers == 0 { z.update(from: x, count: rows * model.configuration.width) }
        for layer in 0..<model.trunkLayers {
            block(
                .trunk(layer), layer: layer, rowTable: rowTable, rows: rows, outputs: rows, from: x,
                to: layer == model.trunkLayers - 1 ? z : x)
        }
    }

    /// The heads on the next-token path, from z [rows, D] to the last `outputs` rows of head 1's output y [outputs, D].
    ///
    /// - Parameter headOutputs: receive the outputs [rows, D] of the heads before head 1, head 2 first.
    mutating func nextToken(
        rowTable: UnsafePointer<AttentionMetadata>?, rows: Int, outputs: Int, from z: UnsafePointer<Float>,
        headOutputs: [UnsafeMutablePointer<Float>], to y: UnsafeMutablePointer<Float>
    ) {
        var x = z
        for (depth, head) in model.nextTokenPath.enumerated() {
            let target = head == 1 ? y : headOutputs[head - 2]
            self.head(
                head, layer: model.trunkLayers + depth, rowTable: rowTable, rows: rows,
                outputs: head == 1 ? outputs : rows, from: x, to: target)
            x = UnsafePointer(target)
        }
    }

    /// A head over its input rows x [rows, D]; the outputs of the last `outputs` rows are written to y [outputs, D].
    mutating func head(
        _ head: Int, layer: Int, rowTable: UnsafePointer<AttentionMetadata>?, rows: Int, outputs: Int,
        from x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>
    ) {
        switch model.heads[head - 1].body {
        case .block:
            block(.head(head), layer: layer, rowTable: rowTable, rows: rows, outputs: outputs, from: x, to: y)
        case .linear:
            gemm(.linear(head), rows: outputs, from: x + (rows - outputs) * model.configuration.width, to: y)
        }
    }

    /// A head's final norm and unembedding: from its output [rows, D] to logits [rows, V].
    mutating func logits(
        _ hidden: UnsafePointer<Float>, head: Int = 1, rows: Int, to logits: UnsafeMutablePointer<Float>
    ) {
        gemm(.unembedding(head), norm: .final(head), rows: rows, from: hidden, to: logits)
    }

    /// Runs the operations in order.
    ///
    /// - Throws: ``DecodingError/outOfMemory(_:)``.
    func run() throws { try model.backend.run(operations, on: allocator.memory) }
}
