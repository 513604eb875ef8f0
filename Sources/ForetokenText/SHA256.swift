/// SHA-256 (FIPS 180-4). Small and plain: swift-crypto would bring a minute of BoringSSL into every build for it.
public struct SHA256 {
    private var state: [UInt32] = [
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
    ]

    private static let constants: [UInt32] = primes(64).map { fractionOfCubeRoot($0) }

    /// The digest of the bytes: 32 bytes.
    public static func hash(_ bytes: [UInt8]) -> [UInt8] {
        var hash = SHA256()
        let whole = bytes.count / 64 * 64
        var rest = Array(bytes[whole...])
        rest.append(0x80)
        rest += [UInt8](repeating: 0, count: (120 - rest.count % 64) % 64)
        withUnsafeBytes(of: (UInt64(bytes.count) * 8).bigEndian) { rest += $0 }
        var schedule = [UInt32](repeating: 0, count: 64)
        bytes.withUnsafeBufferPointer { hash.process($0[..<whole], &schedule) }
        rest.withUnsafeBufferPointer { hash.process($0[...], &schedule) }
        return hash.state.flatMap { word in withUnsafeBytes(of: word.bigEndian) { Array($0) } }
    }

    /// The digest in lower-case hex: 64 characters.
    public static func hex(of bytes: [UInt8]) -> String {
        hash(bytes).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }

    private mutating func process(_ bytes: Slice<UnsafeBufferPointer<UInt8>>, _ w: inout [UInt32]) {
        let k = Self.constants
        var start = bytes.startIndex
        while start < bytes.endIndex {
            for i in 0..<16 {
                let at = start + i * 4
                w[i] =
                    UInt32(bytes[at]) << 24 | UInt32(bytes[at + 1]) << 16 | UInt32(bytes[at + 2]) << 8
                    | UInt32(bytes[at + 3])
            }
            for i in 16..<64 {
                let a = w[i - 15]
                let b = w[i - 2]
                let s0 = rotate(a, 7) ^ rotate(a, 18) ^ (a >> 3)
                let s1 = rotate(b, 17) ^ rotate(b, 19) ^ (b >> 10)
                w[i] = w[i - 16] &+ s0 &+ w[i - 7] &+ s1
            }
            var (a, b, c, d) = (state[0], state[1], state[2], state[3])
            var (e, f, g, h) = (state[4], state[5], state[6], state[7])
            for i in 0..<64 {
                let s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
                let t1 = h &+ s1 &+ ((e & f) ^ (~e & g)) &+ k[i] &+ w[i]
                let s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
                let t2 = s0 &+ ((a & b) ^ (a & c) ^ (b & c))
                (h, g, f, e, d, c, b, a) = (g, f, e, d &+ t1, c, b, a, t1 &+ t2)
            }
            for (i, word) in [a, b, c, d, e, f, g, h].enumerated() { state[i] &+= word }
            start += 64
        }
    }

    private static func primes(_ count: Int) -> [UInt32] {
        var found: [UInt32] = []
        var candidate: UInt32 = 2
        while found.count < count {
            if found.allSatisfy({ candidate % $0 != 0 }) { found.append(candidate) }
            candidate += 1
        }
        return found
    }

    /// The first 32 bits of the fraction of ∛p, by whole-number search: ⌊∛p · 2^32⌋ mod 2^32.
    private static func fractionOfCubeRoot(_ prime: UInt32) -> UInt32 {
        var (low, high): (UInt64, UInt64) = (0, 1 << 36)
        while high - low > 1 {
            let middle = (low + high) / 2
            let cube = UInt128(middle) * UInt128(middle) * UInt128(middle)
            if cube <= UInt128(prime) << 96 { low = middle } else { high = middle }
        }
        return UInt32(truncatingIfNeeded: low)
    }
}

@inline(__always)
private func rotate(_ x: UInt32, _ n: UInt32) -> UInt32 { (x >> n) | (x << (32 - n)) }
