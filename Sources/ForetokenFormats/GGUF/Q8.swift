/// ggml's q8_0: blocks of 32 weights, each a float16 scale and 32 signed bytes, quantized like the reference implementation.
package enum Q8 {
    package static let block = GGUFType.q80.blockSize
    package static let blockBytes = GGUFType.q80.blockBytes

    /// Quantizes weights, whose number must be a multiple of 32; nil if a scale overflows float16.
    package static func encode(_ weights: UnsafeBufferPointer<Float>) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(weights.count / block * blockBytes)
        for start in stride(from: 0, to: weights.count, by: block) {
            let part = weights[start..<(start + block)]
            let scale = part.reduce(0) { max($0, abs($1)) } / 127
            guard Float16(scale).isFinite else { return nil }
            let inverse = scale == 0 ? 0 : 1 / scale
            withUnsafeBytes(of: Float16(scale).bitPattern.littleEndian) { bytes += $0 }
            for weight in part {
                let rounded = (weight * inverse).rounded(.toNearestOrAwayFromZero)
                bytes.append(UInt8(bitPattern: Int8(max(-127, min(127, rounded)))))
            }
        }
        return bytes
    }
}
