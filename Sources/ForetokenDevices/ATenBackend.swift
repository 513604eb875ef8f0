import CKernels
import CTorch
package import ForetokenDecoding
import ForetokenFormats
package import ForetokenModel
package import Torch

/// Passes by ATen's operators on any device, CUDA first of all.
///
/// A row's result can depend in its last bits on how many others there are; `isExact` pads every pass to one shape, so that it
/// does not as far as the device's library treats the rows of a GEMM alike. Sendable because nothing changes after `init`.
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
    /// What blocks refer to.
    private let tensors: [Tensor]
    private let decoder: Decoder

    /// Owns LibTorch's side, which the memory of caches refers to.
    final class Decoder {
        let handle: ct_decoder
        init(_ handle: ct_decoder) { self.handle = handle }
        deinit { ct_decoder_release(handle) }
    }

    /// - Parameters:
    ///   - tile: rows of every GEMM, padded; 0 for as many as there are.
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
            try source.withFloats(of: parameter.name) { try memory.keep($0) }
        }
        func block(_ block: BlockOutline) throws -> ct_decode_block {
            // The tensors live as long as this object.
            ct_decode_block(
                attention_norm: try vector(block.attentionNorm), query: try matrix(block.query).unsafeHandle,
                key: try matrix(block.key).unsafeHandle, value: try matrix(block.value).unsafeHandle,
                output: try matrix(block.output).unsafeHandle, query_bias: try block.queryBias.map(vector),
                key_bias: try block.keyBias.map(vector), value_bias: try block.valueBias.map(vector),
                output_bias: try block.outputBias.map(vector), query_norm: try block.queryNorm.map(vector),
                key_norm: try block.keyNorm.map(vector), feed_forward_norm: try vector(block.feedForwardNorm),
                gate: try matrix(block.gate).unsafeHandle, up: try matrix(block.up).unsafeHandle,
                down: try matrix(block.down).unsafeHandle)
        }
        func bytes(of block: BlockOutline) -> Int {
            block.parameters.filter(\.isMatrix).reduce(2 * 4 * configuration.width) {
                $0 + $1.count * dtype.byteCount
            }
        }
        trunk = try memory.keep(outline.trunk.map(block))
        let shared = try matrix(outline.unembedding)
        var headBlocks: [Int: UnsafePointer<ct_decode_block>] = [:]
        var matrices: [MatrixID: Tensor] = [:]
        var byteCounts: [BlockID: Int] = [:]
        for (layer, outline) in outline.trunk.enumerated() { byteCounts[.trunk(layer)] = bytes(of: outline) }
        for head in outline.heads {
            let number = head.node.head
            switch head.body {
            case .block(let outline):
                headBlocks[number] = try memory.keep([block(outline)])
                byteCounts[.head(number)] = bytes(of: outline)
            case .linear(let map): matrices[.linear(number)] = try matrix(map)
            }
            if let join = head.join { matrices[.projection(number)] = try matrix(join.projection) }
            matrices[.unembedding(number)] = head.ownsUnembedding ? try matrix(head.unembedding) : shared
        }
        let rotary = try RotaryMemory(configuration)
        // The device gets the whole tables.
        rotary.prepare(positions: configuration.context)
        let shape = ct_decode_shape(
            width: Int64(configuration.width), attention_heads: Int64(configuration.attentionHeads),
            kv_heads: Int64(configuration.keyValueHeads), head_dim: Int64(configuration.headDimension),
            epsilon: Float(configuration.normEpsilon), cosine: rotary.cosine, sine: rotary.sine,
            positions: Int64(configuration.context))
        guard let handle = ct_decoder_new(device.handle, dtype.rawValue, Int64(tile), usesGraphs, shape) else {
            preconditionFailure("a decoder's object is a plain allocation")
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
        // Blocks share row tables: each is converted once, since a pass knows them by their addresses.
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

    /// For tests without a GPU: passes are recorded on any device, and run again operation by operation.
    package func replayOperations() { ct_decoder_replay_operations(decoder.handle) }
    /// How many passes ran from a recording.
    package var replays: Int { Int(ct_decoder_replays(decoder.handle)) }

    private func block(_ id: BlockID) -> UnsafePointer<ct_decode_block> {
        switch id {
        case .trunk(let layer): return trunk + layer
        case .head(let head):
            guard let block = headBlocks[head] else { preconditionFailure("head \(head) is no block") }
            return block
        }
    }

    private func matrix(_ id: MatrixID) -> Tensor {
        guard let matrix = matrices[id] else { preconditionFailure("the model has no matrix \(id)") }
        return matrix
    }
}

/// Pages in a device's memory.
final class ATenPages: PageMemory {
    let handle: ct_decode_cache
    private let decoder: ATenBackend.Decoder
    private var count = 0

    init(_ decoder: ATenBackend.Decoder) {
        guard let handle = ct_decode_cache_new(decoder.handle) else {
            preconditionFailure("a cache's object is a plain allocation")
        }
        self.handle = handle
        self.decoder = decoder
    }

    deinit { ct_decode_cache_release(handle) }

    var bytesPerPage: Int { Int(ct_decode_page_bytes(decoder.handle)) }

    /// By half at least: they are one tensor, so that those that are there move.
    func grow(byAtLeast missing: Int) throws -> Range<PageNumber> {
        let more = max(missing, count / 2, (1 << 20) / bytesPerPage)
        try decoding { () throws(TorchError) in
            try throwing(ct_decode_cache_grow(handle, Int64(more)), #fileID, #line)
        }
        defer { count += more }
        return PageNumber(count)..<PageNumber(count + more)
    }

    /// Attention there reads whole pages and multiplies what the mask hides by zero, so no slot may hold what is not a number.
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

/// A failure of LibTorch as decoding's.
private func decoding(_ body: () throws(TorchError) -> Void) throws(DecodingError) {
    do {
        try body()
    } catch {
        if case .outOfMemory = error { throw .outOfMemory(0) }
        throw .failed(error.description)
    }
}
