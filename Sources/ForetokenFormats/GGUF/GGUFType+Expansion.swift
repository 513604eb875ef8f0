/// The reader of one block: its bytes and where its weights go.
private struct Block {
    let bytes: UnsafeRawPointer
    let weights: UnsafeMutablePointer<Float>

    @inline(__always)
    func byte(_ offset: Int) -> UInt8 { bytes.load(fromByteOffset: offset, as: UInt8.self) }

    /// A little-endian float16 as float32, which holds it exactly.
    @inline(__always)
    func half(_ offset: Int) -> Float {
        Float(Float16(bitPattern: UInt16(byte(offset)) | UInt16(byte(offset + 1)) << 8))
    }
}

extension GGUFType {
    /// Expands quantized blocks to float32 with the operations of ggml's `dequantize_row_…`, each rounded to float32.
    ///
    /// `bytes` must hold whole blocks; `weights` has room for their weights. Types without blocks are not expanded here.
    package func expand(_ bytes: UnsafeRawBufferPointer, into weights: UnsafeMutablePointer<Float>) {
        precondition(isQuantized && bytes.count.isMultiple(of: blockBytes))
        guard let base = bytes.baseAddress else { return }
        for index in 0..<(bytes.count / blockBytes) {
            let block = Block(bytes: base + index * blockBytes, weights: weights + index * blockSize)
            switch self {
            case .f32, .f16, .bf16: break
            case .q40: Self.expandSmall(block, quants: 2, offset: 8)
            case .q41: Self.expandSmall(block, quants: 4, minimum: 2)
            case .q50: Self.expandSmall(block, quants: 6, highBits: 2, offset: 16)
            case .q51: Self.expandSmall(block, quants: 8, minimum: 2, highBits: 4)
            case .q80: Self.expandQ8(block)
            case .q4K: Self.expandScaled(block, quants: 16, highBits: nil)
            case .q5K: Self.expandScaled(block, quants: 48, highBits: 16)
            case .q6K: Self.expandQ6K(block)
            }
        }
    }

    /// Blocks of 32 weights of 4 bits: weight j is the low, weight j + 16 the high half of byte j; the fifth bits, if any, follow
    /// in 32 bits. The value is scale · (number − offset), or scale · number + minimum.
    @inline(__always)
    private static func expandSmall(
        _ block: Block, quants: Int, minimum: Int? = nil, highBits: Int? = nil, offset: Int = 0
    ) {
        let scale = block.half(0)
        let minimum = minimum.map(block.half)
        var high: UInt32 = 0
        if let highBits {
            for byte in 0..<4 { high |= UInt32(block.byte(highBits + byte)) << UInt32(8 * byte) }
        }
        for index in 0..<16 {
            let byte = block.byte(quants + index)
            let low = Int(byte & 15) | Int(high >> UInt32(index) & 1) << 4
            let upper = Int(byte >> 4) | Int(high >> UInt32(index + 16) & 1) << 4
            if let minimum {
                block.weights[index] = scale * Float(low) + minimum
                block.weights[index + 16] = scale * Float(upper) + minimum
            } else {
                block.weights[index] = scale * Float(low - offset)
                block.weights[index + 16] = scale * Float(upper - offset)
            }
        }
    }

    @inline(__always)
    private static func expandQ8(_ block: Block) {
        let scale = block.half(0)
        for index in 0..<32 { block.weights[index] = scale * Float(Int8(bitPattern: block.byte(2 + index))) }
    }

    /// Q4_K and Q5_K: 8 groups of 32 weights, each with a scale and a minimum of 6 bits, packed into the 12 bytes from 4 on.
    @inline(__always)
    private static func expandScaled(_ block: Block, quants: Int, highBits: Int?) {
        let (scale, minimum) = (block.half(0), block.half(2))
        for group in 0..<8 {
            let (groupScale, groupMinimum): (UInt8, UInt8)
            if group < 4 {
                (groupScale, groupMinimum) = (block.byte(4 + group) & 63, block.byte(8 + group) & 63)
            } else {
                let last = block.byte(8 + group)
                groupScale = last & 15 | (block.byte(group) >> 6) << 4
                groupMinimum = last >> 4 | (block.byte(4 + group) >> 6) << 4
            }
            let (factor, shift) = (scale * Float(groupScale), minimum * Float(groupMinimum))
            for index in 0..<32 {
                let byte = block.byte(quants + group / 2 * 32 + index)
                var number = group.isMultiple(of: 2) ? byte & 15 : byte >> 4
                if let highBits { number |= (block.byte(highBits + index) >> UInt8(group) & 1) << 4 }
                block.weights[group * 32 + index] = factor * Float(number) - shift
            }
        }
    }

    /// 16 groups of 16 weights of 6 bits, each with a scale of 8 bits: low halves, upper two bits, scales, scale of the scales.
    @inline(__always)
    private static func expandQ6K(_ block: Block) {
        let scale = block.half(208)
        for index in 0..<256 {
            // Each half of 128 weights: four runs of 32, two in the low and two in the high halves of 64 bytes.
            let (half, run, column) = (index / 128, index % 128 / 32, index % 32)
            let byte = block.byte(half * 64 + run % 2 * 32 + column)
            let low = run < 2 ? byte & 15 : byte >> 4
            let high = block.byte(128 + half * 32 + column) >> UInt8(2 * run) & 3
            let factor = scale * Float(Int8(bitPattern: block.byte(192 + index / 16)))
            block.weights[index] = factor * Float(Int(low | high << 4) - 32)
        }
    }
}
