internal import CTorch
import ForetokenModel
import Torch

/// The operations of a forward pass, collected and then run in one parallel region.
struct Pass {
    private let model: DecodeModel
    private var operations: [ct_k_op] = []
    /// Positions up to that of the last row.
    private var positions = 0

    init(_ model: DecodeModel) {
        self.model = model
        operations.reserveCapacity(model.configuration.layers + 2)
    }

    /// A block over the rows of x [rows, D]: all enter the cache's `layer`, the last `outputs` come out in y [outputs, D].
    mutating func block(
        _ block: UnsafePointer<ct_k_block>, layer: Int, places: UnsafePointer<ct_k_row>?, rows: Int, outputs: Int,
        from x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>
    ) {
        // The blocks of a pass have the same rows, mostly.
        if let places, operations.last?.places != places {
            for row in 0..<rows { positions = max(positions, Int(places[row].position) + 1) }
        }
        operations.append(
            ct_k_op(
                kind: Int32(CT_K_BLOCK), rows: Int64(rows), x: x, y: y, block: block, layer: Int64(layer),
                places: places, outputs: Int64(outputs), weight: nil, norm: nil))
    }

    /// y [rows, out] = x · weightᵀ, of the normed x if there is a norm.
    mutating func product(
        _ weight: UnsafePointer<ct_k_weight>, norm: UnsafePointer<Float>? = nil, rows: Int,
        from x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>
    ) {
        operations.append(
            ct_k_op(
                kind: Int32(CT_K_PRODUCT), rows: Int64(rows), x: x, y: y, block: nil, layer: 0, places: nil, outputs: 0,
                weight: weight, norm: norm))
    }

    /// The trunk: embedded rows x [rows, D], which it overwrites, to z [rows, D].
    mutating func trunk(
        places: UnsafePointer<ct_k_row>?, rows: Int, from x: UnsafeMutablePointer<Float>,
        to z: UnsafeMutablePointer<Float>
    ) {
        if model.trunkLayers == 0 { z.update(from: x, count: rows * model.configuration.width) }
        for layer in 0..<model.trunkLayers {
            block(
                model.trunk + layer, layer: layer, places: places, rows: rows, outputs: rows, from: x,
                to: layer == model.trunkLayers - 1 ? z : x)
        }
    }

    /// The heads on the way from z [rows, D] to head 1, whose last `outputs` rows come out in y [outputs, D].
    ///
    /// - Parameter taps: where the heads before head 1 leave all rows [rows, D], head 2 first.
    mutating func decide(
        places: UnsafePointer<ct_k_row>?, rows: Int, outputs: Int, from z: UnsafePointer<Float>,
        taps: [UnsafeMutablePointer<Float>], to y: UnsafeMutablePointer<Float>
    ) {
        var x = z
        for (depth, head) in model.decidingHeads.enumerated() {
            let target = head == 1 ? y : taps[head - 2]
            self.head(
                model.heads[head - 1], layer: model.trunkLayers + depth, places: places, rows: rows,
                outputs: head == 1 ? outputs : rows, from: x, to: target)
            x = UnsafePointer(target)
        }
    }

    /// A head over rows of its input [rows, D]: the last `outputs` come out in y [outputs, D].
    mutating func head(
        _ head: DecodeHead, layer: Int, places: UnsafePointer<ct_k_row>?, rows: Int, outputs: Int,
        from x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>
    ) {
        switch head.body {
        case .block(let block):
            self.block(block, layer: layer, places: places, rows: rows, outputs: outputs, from: x, to: y)
        case .linear(let map):
            product(map, rows: outputs, from: x + (rows - outputs) * model.configuration.width, to: y)
        }
    }

    /// Final norm and a head's unembedding: its output [rows, D] to logits [rows, V].
    mutating func logits(
        _ hidden: UnsafePointer<Float>, head: Int = 1, rows: Int, to logits: UnsafeMutablePointer<Float>
    ) {
        product(model.heads[head - 1].unembedding, norm: model.norm, rows: rows, from: hidden, to: logits)
    }

    /// Runs the operations in order.
    func run() {
        guard !operations.isEmpty else { return }
        model.rotary.prepare(positions: positions)
        operations.withUnsafeBufferPointer { operations in
            let run = model.device == nil ? ct_k_run : ct_k_run_on_device
            check(run(model.shape, operations.baseAddress, Int32(operations.count)), #fileID, #line)
        }
    }
}
