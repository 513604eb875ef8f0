import CKernels
import Testing

/// A format of 16 bits with a sign, `exponentBits` and the rest a fraction, as IEEE 754 defines it.
private struct Format: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let type: Int32
    let exponentBits: Int

    static let all = [
        Format(testDescription: "float16", type: Int32(CK_STORED_F16), exponentBits: 5),
        Format(testDescription: "bfloat16", type: Int32(CK_STORED_BF16), exponentBits: 8),
    ]

    var fractionBits: Int { 15 - exponentBits }
    var infinity: UInt16 { UInt16((1 << exponentBits) - 1) << fractionBits }

    /// The magnitude of a pattern without its sign; that of infinity is the power of two that follows the largest number.
    func magnitude(_ pattern: UInt16) -> Double {
        let bias = 1 << (exponentBits - 1) - 1
        let (exponent, fraction) = (Int(pattern >> fractionBits), Double(pattern & (1 << fractionBits - 1)))
        let scale = Double(sign: .plus, exponent: -fractionBits, significand: 1)
        return exponent == 0
            ? Double(sign: .plus, exponent: 1 - bias, significand: fraction * scale)
            : Double(sign: .plus, exponent: exponent - bias, significand: 1 + fraction * scale)
    }

    func expand(_ patterns: [UInt16], offset: Int = 0) -> [Float] {
        var result = [Float](repeating: 7, count: patterns.count)
        let bytes = [UInt8](repeating: 0, count: offset) + patterns.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        bytes.withUnsafeBytes { ck_expand($0.baseAddress! + offset, type, Int64(patterns.count), &result) }
        return result
    }

    func narrow(_ values: [Float], offset: Int = 0) -> [UInt16] {
        var bytes = [UInt8](repeating: 7, count: values.count * 2 + offset)
        bytes.withUnsafeMutableBytes { ck_narrow(values, Int64(values.count), type, $0.baseAddress! + offset) }
        return values.indices.map { UInt16(bytes[offset + 2 * $0]) | UInt16(bytes[offset + 2 * $0 + 1]) << 8 }
    }
}

extension KernelTests {
    @Suite struct ConversionTests {
        private static let patterns = (0...UInt16.max).map { $0 }

        @Test(arguments: Format.all, [0, 1])
        private func everyPatternExpandsToItsValue(format: Format, offset: Int) {
            onEverySet(threads: [1, 3]) { _ in
                let values = format.expand(Self.patterns, offset: offset)
                let wrong = zip(Self.patterns, values).filter { pattern, value in
                    let magnitude = pattern & 0x7FFF
                    if value.sign != (pattern >> 15 == 0 ? .plus : .minus) { return true }
                    if magnitude > format.infinity { return !value.isNaN }
                    if magnitude == format.infinity { return !value.isInfinite }
                    return Double(value.magnitude) != format.magnitude(magnitude)
                }
                #expect(wrong.isEmpty)
                let again = format.narrow(values, offset: offset)
                #expect(zip(Self.patterns, again).allSatisfy { $0 == $1 || $0 & 0x7FFF > format.infinity })
            }
        }

        /// Between two neighbours, the middle is a tie and goes to the even one; infinity is the neighbour of the largest number.
        @Test(arguments: Format.all)
        private func numbersAreRoundedToTheNearestEven(format: Format) {
            onEverySet(threads: [1, 3]) { _ in
                for sign: Float in [1, -1] {
                    let lower = (0..<format.infinity).map { $0 }
                    let middles = lower.map { Float((format.magnitude($0) + format.magnitude($0 + 1)) / 2) }
                    let bit: UInt16 = sign < 0 ? 0x8000 : 0
                    #expect(format.narrow(middles.map { $0 * sign }) == lower.map { $0 + $0 % 2 | bit })
                    #expect(format.narrow(middles.map { $0.nextDown * sign }) == lower.map { $0 | bit })
                    #expect(format.narrow(middles.map { $0.nextUp * sign }) == lower.map { ($0 + 1) | bit })
                    #expect(
                        format.narrow([0 * sign, .infinity * sign, .greatestFiniteMagnitude * sign])
                            == [bit, format.infinity | bit, format.infinity | bit])
                }
            }
        }

        @Test(arguments: Format.all)
        private func noNaNBecomesANumber(format: Format) {
            let patterns: [UInt32] = [0x7F80_0001, 0x7FC0_0000, 0x7FFF_FFFF, 0xFF80_0001, 0xFFC0_0000, 0x7F80_1000]
            onEverySet { _ in
                for (pattern, result) in zip(patterns, format.narrow(patterns.map(Float.init(bitPattern:)))) {
                    #expect(result & 0x7FFF > format.infinity)
                    #expect(UInt32(result >> 15) == pattern >> 31)
                }
            }
        }

        @Test func float64IsRoundedAndFloat32Copied() {
            let values =
                [0, -0.0, 1 / 3, 1e300, -1e-300, .infinity, 0x1.000001p0, 0x1.000003p0]
                + numbers(100_000, seed: 3).map(Double.init)
            let plain = values.map(Float.init)
            onEverySet { _ in
                var result = [Float](repeating: 7, count: values.count)
                ck_expand(values, Int32(CK_STORED_F64), Int64(values.count), &result)
                #expect(result == plain)
                result = .init(repeating: 7, count: plain.count)
                ck_expand(plain, Int32(CK_STORED_F32), Int64(plain.count), &result)
                #expect(result == plain)
                ck_narrow(plain, Int64(plain.count), Int32(CK_STORED_F32), &result)
                #expect(result == plain)
                var wide = [Double](repeating: 7, count: plain.count)
                ck_narrow(plain, Int64(plain.count), Int32(CK_STORED_F64), &wide)
                #expect(wide == plain.map(Double.init))
            }
        }
    }
}
