import CKernels
import CTorch
package import ForetokenDecoding
import ForetokenFormats
package import ForetokenModel
package import Torch

/// Runs decoding passes with ATen's operators on any device, CUDA in particular.
///
/// The last bits of a row can depend on the number of rows in the pass. With `isExact`, all passes are padded to one shape, which
/// removes this dependency as far as the device's GEMM treats all rows alike.
///
/// `@unchecked Sendable`: nothing is mutated after `init`.
package final class ATenBackend: DecodeBackend, @unchecked Sendable {
    package let format: WeightFormat
    package let isExact: Bool

    private let trunk: UnsafePointer<ct_decode_block>
    private let headBlocks: [Int: UnsafePointer<ct_decode_block>]
    private let matrices: [MatrixID: Tensor]
    private let byteCounts: [BlockID: Int]
    private let host: HostWeights
    private let rotary: RotaryMemory
    private let memory: MemoryArena
    /// Keeps the tensors alive whose handles the blocks hold.
    private let tensors: [Tensor]
    private let decoder: Decoder

    /// Owns the C++ decoder; caches keep a reference to it.
    final class Decoder {
        let handle: ct_decoder
        init(_ handle: ct_decoder) { self.handle = handle }
        deinit { ct_decoder_release(handle) }
    }

    /// - Parameters:
    ///   - tile: the number of rows to which every GEMM is padded; 0 for no padding.
    ///   - usesGraphs: captures passes as CUDA graphs.
    /// - Throws: what the source throws, `DecodingError.int8NeedsCPU`, `TorchError.outOfMemory`.
    package init(
        _ source: any WeightSource, format: WeightFormat, device: Device, tile: Int, usesGraphs: Bool = false
    ) throws {
        guard format != .int8 else { throw DecodingError.int8NeedsCPU }
        let configuration = source.configuration
        let outline = try ModelOutline(configuration)
        let memory = MemoryArena()
        let dtype: DType = format == .f32 ? .float32 : .bfloat16
        var tensors: [Tensor] = []
        func matrix(_ parameter: ParameterOutline) throws -> Tensor {
            let onHost = try source.withFloats(of: parameter.name) {
                try Tensor.copying(UnsafeRawBufferPointer($0), shape: parameter.shape, dtype: .float32)
            }
            let moved = onHost.to(dtype).to(device)
            tensors.append(moved)
            return moved
        }
        func vector(_ parameter: ParameterOutline) throws -> UnsafePointer<Float> {
            try source.withFloats(of: parameter.name) { try memory.copy($0) }
        }
        func block(_ block: BlockOutline) throws -> ct_decode_block {
            // The handles stay valid: `tensors` keeps the tensors alive.
            ct_decode_block(
                attention_norm: try vector(block.attentionNorm), query: try matrix(block.query).unsafeHandle,
                key: try matrix(block.key).unsafeHandle, value: try matrix(block.value).unsafeHandle,
                output: try matrix(block.output).unsafeHandle, query_bias: try block.queryBias.map(vector),
                key_bias: try block.keyBias.map(vector), value_bias: try block.valueBias.map(vector),
                output_bias: try block.outputBias.map(vector), query_norm: try block.queryNorm.map(vector),
                key_norm: try block.keyNorm.map(vector), feed_forward_norm: try vector(block.feedForwardNorm),
                gate: try matrix(block.gate).unsafeHandle, up: try matrix(block.up).unsafeHandle,
                down: try matrix(block.down).unsafeHandle, gate_bias: try block.gateBias.map(vector),
                up_bias: try block.upBias.map(vector), down_bias: try block.downBias.map(vector),
                has_window: configuration.window(depth: block.depth) != nil)
        }
        func bytes(of block: BlockOutline) -> Int {
            block.parameters.filter(\.isMatrix).reduce(2 * 4 * configuration.width) {
                $0 + $1.count * dtype.byteCount
            }
        }
        trunk = try memory.copy(outline.trunk.map(block))
        let shared = try matrix(outline.unembedding)
        var headBlocks: [Int: UnsafePointer<ct_decode_block>] = [:]
        var matrices: [MatrixID: Tensor] = [:]
        var byteCounts: [BlockID: Int] = [:]
        for (layer, outline) in outline.trunk.enumerated() { byteCounts[.trunk(layer)] = bytes(of: outline) }
        for head in outline.heads {
            let number = head.node.head
            switch head.body {
            case .block(let outline):
                headBlocks[number] = try memory.copy([block(outline)])
                byteCounts[.head(number)] = bytes(of: outline)
            case .linear(let map): matrices[.linear(number)] = try matrix(map)
            }
            if let join = head.join { matrices[.projection(number)] = try matrix(join.projection) }
            matrices[.unembedding(number)] = head.ownsUnembedding ? try matrix(head.unembedding) : shared
        }
        let rotary = try RotaryMemory(configuration)
        // The rotary tables are copied to the device once, so they must cover the whole context.
        rotary.prepare(positions: configuration.contextLength)
        let shape = ct_decode_shape(
            width: Int64(configuration.width), attention_heads: Int64(configuration.attentionHeads),
            kv_heads: Int64(configuration.keyValueHeads), head_dim: Int64(configuration.headDimension),
            epsilon: Float(configuration.normEpsilon), cosine: rotary.cosine, sine: rotary.sine,
            positions: Int64(configuration.contextLength), window: Int64(configuration.slidingWindow?.size ?? 0))
        guard let handle = ct_decoder_new(device.handle, dtype.rawValue, Int64(tile), usesGraphs, shape) else {
            preconditionFailure("ct_decoder_new cannot fail")
        }
        self.format = format
        self.isExact = tile > 0
        (self.headBlocks, self.matrices, self.byteCounts, self.tensors) = (headBlocks, matrices, byteCounts, tensors)
        (self.rotary, self.memory) = (rotary, memory)
        decoder = Decoder(handle)
        host = try HostWeights(source, outline)
    }

    package func byteCount(of block: BlockID) -> Int { byteCounts[block] ?? 0 }
    package func byteCount(of matrix: MatrixID) -> Int {
        let tensor = self.matrix(matrix)
        return tensor.count * tensor.dtype.byteCount
    }
    package func embed(_ tokens: [Int32], into rows: UnsafeMutablePointer<Float>) { host.embed(tokens, into: rows) }
    package func scale(of norm: NormID) -> UnsafePointer<Float> { host.scale(of: norm) }
    package func makePageMemory() -> any PageMemory { ATenPages(decoder) }

    package func run(_ operations: [PassOperation], on memory: any PageMemory) throws {
        guard !operations.isEmpty else { return }
        // Blocks share row tables, and a pass identifies a table by its address: convert each once.
        var counts: [UnsafePointer<AttentionMetadata>: Int] = [:]
        for operation in operations {
            guard case .block(_, _, let table?, _) = operation.kind else { continue }
            counts[table] = max(counts[table] ?? 0, operation.rows)
        }
        var starts: [UnsafePointer<AttentionMetadata>: Int] = [:]
        var rows: [ct_decode_row] = []
        for (table, count) in counts {
            starts[table] = rows.count
            rows += UnsafeBufferPointer(start: table, count: count).map { row in
                precondition(row.ancestor_count == 0 && row.prefix == row.slot, "trees are decoded on the CPU only")
                return ct_decode_row(
                    pages: row.pages, layer_stride: row.layer_stride, slot: row.slot, position: row.position)
            }
        }
        let status = rows.withUnsafeBufferPointer { rows in
            let passed = operations.map { operation in
                var op = ct_decode_op()
                (op.rows, op.x, op.y) = (Int64(operation.rows), operation.x, operation.y)
                switch operation.kind {
                case .block(let id, let layer, let table, let outputs):
                    op.kind = Int32(CT_DECODE_BLOCK)
                    (op.block, op.layer, op.outputs) = (block(id), Int64(layer), Int64(outputs))
                    if let start = table.flatMap({ starts[$0] }) { op.row_table = rows.baseAddress.map { $0 + start } }
                case .gemm(let id, let norm):
                    op.kind = Int32(CT_DECODE_GEMM)
                    (op.weight, op.norm) = (matrix(id).unsafeHandle, norm.map(host.scale(of:)))
                }
                return op
            }
            return ct_decode_run(
                decoder.handle, unsafeDowncast(memory, to: ATenPages.self).handle, passed, Int32(passed.count))
        }
        try decoding { () throws(TorchError) in try throwing(status, #fileID, #line) }
    }

    /// For tests without a GPU: records passes on any device and replays them operation by operation.
    package func replayOperations() { ct_decoder_replay_operations(decoder.handle) }
    /// The number of passes that were replayed from a recording.
    package var replays: Int { Int(ct_decoder_replays(decoder.handle)) }

    private func block(_ id: BlockID) -> UnsafePointer<ct_decode_block> {
        switch id {
        case .trunk(let layer): return trunk + layer
        case .head(let head):
            guard let block = headBlocks[head] else { preconditionFailure("head \(head) is not a transformer block") }
            return block
        }
    }

    private func matrix(_ id: MatrixID) -> Tensor {
        guard let matrix = matrices[id] else { preconditionFailure("the model has no matrix \(id)") }
        return matrix
    }
}

/// KV-cache pages in device memory.
final class ATenPages: PageMemory {
    let handle: ct_decode_cache
    private let decoder: ATenBackend.Decoder
    private var count = 0

    init(_ decoder: ATenBackend.Decoder) {
        guard let handle = ct_decode_cache_new(decoder.handle) else {
            preconditionFailure("ct_decode_cache_new cannot fail")
        }
        self.handle = handle
        self.decoder = decoder
    }

    deinit { ct_decode_cache_release(handle) }

    var bytesPerPage: Int { Int(ct_decode_page_bytes(decoder.handle)) }

    /// Grows by at least half: all pages are one tensor, so growing copies the existing ones.
    func grow(byAtLeast missing: Int) throws -> Range<PageNumber> {
        let more = max(missing, count / 2, (1 << 20) / bytesPerPage)
        try decoding { () throws(TorchError) in
            try throwing(ct_decode_cache_grow(handle, Int64(more)), #fileID, #line)
        }
        defer { count += more }
        return PageNumber(count)..<PageNumber(count + more)
    }

    /// Zeroes pages: attention reads whole pages and weights masked slots with zero, and 0 · NaN would be NaN.
    func prepare(_ pages: [PageNumber]) throws {
        try decoding { () throws(TorchError) in
            try throwing(ct_decode_cache_clear(handle, pages, Int64(pages.count)), #fileID, #line)
        }
    }

    func copy(_ page: PageNumber, to copy: PageNumber) throws {
        try decoding { () throws(TorchError) in
            try throwing(ct_decode_cache_copy(handle, page, copy), #fileID, #line)
        }
    }
}

/// Translates LibTorch's errors to `DecodingError`.
private func decoding(_ body: () throws(TorchError) -> Void) throws(DecodingError) {
    do {
        try body()
    } catch {
        if case .outOfMemory = error { throw .outOfMemory(0) }
        throw .failed(error.description)
    }
}
