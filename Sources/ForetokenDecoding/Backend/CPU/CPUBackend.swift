internal import CKernels
import ForetokenModel

/// The CPU backend. Its kernels (`CKernels`) are row-invariant: a position's logits are bitwise the same in passes of any
/// width.
///
/// Sendable because it is immutable after `init`.
final class CPUBackend: DecodeBackend, @unchecked Sendable {
    let format: WeightFormat
    var isExact: Bool { true }

    private let shape: UnsafePointer<ck_shape>
    private let trunk: UnsafePointer<ck_block>
    /// By head, for heads that are blocks.
    private let headBlocks: [Int: UnsafePointer<ck_block>]
    private let matrices: [MatrixID: UnsafePointer<ck_weight>]
    private let host: HostWeights
    let rotary: RotaryMemory
    private let memory: MemoryArena

    /// Packs a source's weights one parameter at a time, so that at most one unpacked parameter is in memory.
    ///
    /// - Throws: errors of the source, ``DecodingError/weightNotFinite(name:)`` for int8, ``DecodingError/outOfMemory(_:)``.
    init(_ source: any WeightSource, format: WeightFormat) throws {
        let configuration = source.configuration
        let outline = try ModelOutline(configuration)
        let packer = WeightPacker(source: source, format: format, memory: MemoryArena())
        let memory = packer.memory
        self.format = format
        self.memory = memory
        trunk = try memory.copy(outline.trunk.map(packer.block))
        let shared = try memory.copy([packer.matrix(outline.unembedding)])
        var headBlocks: [Int: UnsafePointer<ck_block>] = [:]
        var matrices: [MatrixID: UnsafePointer<ck_weight>] = [:]
        for head in outline.heads {
            let number = head.node.head
            switch head.body {
            case .block(let block): headBlocks[number] = try memory.copy([packer.block(block)])
            case .linear(let map): matrices[.linear(number)] = try memory.copy([packer.matrix(map)])
            }
            if let join = head.join {
                matrices[.projection(number)] = try memory.copy([packer.matrix(join.projection)])
            }
            matrices[.unembedding(number)] =
                head.ownsUnembedding ? try memory.copy([packer.matrix(head.unembedding)]) : shared
        }
        (self.headBlocks, self.matrices) = (headBlocks, matrices)
        host = try HostWeights(source, outline)
        rotary = try RotaryMemory(configuration)
        shape = try memory.copy([
            ck_shape(
                width: Int64(configuration.width), attention_heads: Int64(configuration.attentionHeads),
                kv_heads: Int64(configuration.keyValueHeads), head_dim: Int64(configuration.headDimension),
                epsilon: Float(configuration.normEpsilon), cosine: rotary.cosine, sine: rotary.sine)
        ])
    }

    func byteCount(of block: BlockID) -> Int { self.block(block).pointee.byteCount }
    func byteCount(of matrix: MatrixID) -> Int { self.matrix(matrix).pointee.byteCount }
    func embed(_ tokens: [Int32], into rows: UnsafeMutablePointer<Float>) { host.embed(tokens, into: rows) }
    func scale(of norm: NormID) -> UnsafePointer<Float> { host.scale(of: norm) }
    func makePageMemory() -> any PageMemory { HostPages(shape) }

    func run(_ operations: [PassOperation], on memory: any PageMemory) throws {
        guard !operations.isEmpty else { return }
        var positions = 0
        var lastTable: UnsafePointer<AttentionMetadata>?
        let kernelOperations = operations.map { operation in
            var op = ck_op()
            (op.rows, op.x, op.y) = (Int64(operation.rows), operation.x, operation.y)
            switch operation.kind {
            case .block(let id, let layer, let rowTable, let outputs):
                // Consecutive blocks usually share their row table.
                if let rowTable, lastTable != rowTable {
                    for row in 0..<operation.rows { positions = max(positions, Int(rowTable[row].position) + 1) }
                    lastTable = rowTable
                }
                op.kind = Int32(CK_BLOCK)
                (op.block, op.layer, op.row_table, op.outputs) = (block(id), Int64(layer), rowTable, Int64(outputs))
            case .gemm(let id, let norm):
                op.kind = Int32(CK_GEMM)
                (op.weight, op.norm) = (matrix(id), norm.map(host.scale(of:)))
            }
            return op
        }
        rotary.prepare(positions: positions)
        let status = unsafeDowncast(memory, to: HostPages.self).withAddresses {
            ck_run(shape, $0, kernelOperations, Int32(kernelOperations.count))
        }
        if status != CK_OK { throw DecodingError.outOfMemory(0) }
    }

    private func block(_ id: BlockID) -> UnsafePointer<ck_block> {
        switch id {
        case .trunk(let layer): return trunk + layer
        case .head(let head):
            guard let block = headBlocks[head] else { preconditionFailure("head \(head) is no block") }
            return block
        }
    }

    private func matrix(_ id: MatrixID) -> UnsafePointer<ck_weight> {
        guard let matrix = matrices[id] else { preconditionFailure("the model has no matrix \(id)") }
        return matrix
    }
}

/// Packs a source's weights into the kernels' layout.
private struct WeightPacker {
    let source: any WeightSource
    let format: WeightFormat
    let memory: MemoryArena

    private var code: Int32 {
        switch format {
        case .f32: Int32(CK_F32)
        case .bf16: Int32(CK_BF16)
        case .int8: Int32(CK_INT8)
        }
    }

    /// A matrix [out, in].
    func matrix(_ parameter: ParameterOutline) throws -> ck_weight {
        let (out, width) = (Int64(parameter.shape[0]), Int64(parameter.shape[1]))
        return try source.withFloats(of: parameter.name) { floats in
            // Rounding to integers would turn NaN and infinity into ordinary weights.
            if format == .int8, !floats.areFinite { throw DecodingError.weightNotFinite(name: parameter.name) }
            let storage = try memory.allocate(Int(ck_packed_bytes(out, width, code)))
            return ck_pack(floats.baseAddress, out, width, code, storage)
        }
    }

    /// A vector, such as a norm's scale.
    func vector(_ parameter: ParameterOutline) throws -> UnsafePointer<Float> {
        try source.withFloats(of: parameter.name) { try memory.copy($0) }
    }

    func block(_ block: BlockOutline) throws -> ck_block {
        ck_block(
            attention_norm: try vector(block.attentionNorm), query: try matrix(block.query), key: try matrix(block.key),
            value: try matrix(block.value), output: try matrix(block.output),
            query_bias: try block.queryBias.map(vector), key_bias: try block.keyBias.map(vector),
            value_bias: try block.valueBias.map(vector), output_bias: try block.outputBias.map(vector),
            query_norm: try block.queryNorm.map(vector), key_norm: try block.keyNorm.map(vector),
            feed_forward_norm: try vector(block.feedForwardNorm), gate: try matrix(block.gate),
            up: try matrix(block.up), down: try matrix(block.down), gate_bias: try block.gateBias.map(vector),
            up_bias: try block.upBias.map(vector), down_bias: try block.downBias.map(vector),
            window: Int64(source.configuration.window(depth: block.depth) ?? 0))
    }
}

extension UnsafeBufferPointer<Float> {
    /// Whether all elements are finite.
    fileprivate var areFinite: Bool {
        var largest: UInt32 = 0
        for value in self { largest = Swift.max(largest, value.bitPattern & 0x7FFF_FFFF) }
        return largest < 0x7F80_0000
    }
}

extension ck_weight {
    /// Bytes that a GEMM reads.
    fileprivate var byteCount: Int { Int(ck_packed_bytes(out, `in`, format)) }
}

extension ck_block {
    fileprivate var byteCount: Int {
        let width = Int(query.in)
        return [query, key, value, output, gate, up, down].reduce(2 * 4 * width) { $0 + $1.byteCount }
    }
}
