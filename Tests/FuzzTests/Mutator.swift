/// Changes bytes as accidents and adversaries do: flips, cuts, repeats, huge numbers, and a format's own words in wrong places.
struct Mutator {
    private var generator: SplitMix64
    /// What the format is made of.
    let words: [[UInt8]]

    init(seed: UInt64, words: [[UInt8]]) {
        generator = SplitMix64(state: seed)
        self.words = words
    }

    /// A changed copy of one of the originals, at most `limit` bytes long.
    mutating func mutate(_ originals: [[UInt8]], limit: Int = 1 << 18) -> [UInt8] {
        var bytes = originals.randomElement(using: &generator) ?? []
        if number(in: 0..<50) == 0 { return random(count: number(in: 0..<200)) }
        for _ in 0..<number(in: 1..<6) { mutateOnce(&bytes, originals) }
        return Array(bytes.prefix(limit))
    }

    mutating func number(in range: Range<Int>) -> Int { Int.random(in: range, using: &generator) }

    private mutating func random(count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    private mutating func mutateOnce(_ bytes: inout [UInt8], _ originals: [[UInt8]]) {
        guard !bytes.isEmpty else { return bytes = random(count: 20) }
        let position = number(in: 0..<bytes.count)
        let end = min(bytes.count, position + number(in: 1..<60))
        switch number(in: 0..<11) {
        case 0: bytes[position] ^= 1 << UInt8(number(in: 0..<8))
        case 1: bytes[position] = UInt8(number(in: 0..<256))
        case 2: bytes.removeSubrange(position..<end)
        case 3: bytes.insert(contentsOf: bytes[position..<end], at: number(in: 0..<(bytes.count + 1)))
        case 4: bytes.removeSubrange(position...)
        case 5: bytes.insert(contentsOf: words.randomElement(using: &generator) ?? [], at: position)
        case 6: overwrite(&bytes, at: position, with: words.randomElement(using: &generator) ?? [])
        case 7:
            // A digit for a digit keeps a text whole and changes what it says.
            let digits = bytes.indices.filter { (0x30...0x39).contains(bytes[$0]) }
            if let index = digits.randomElement(using: &generator) { bytes[index] = UInt8(0x30 + number(in: 0..<10)) }
        case 8:
            // Numbers at the edges of the widths that formats use.
            let width = [1, 2, 4, 8][number(in: 0..<4)]
            let edge = [0, 1, .max, .max >> 1, .max >> 32, .max >> 33, UInt64(bytes.count)][number(in: 0..<7)]
            overwrite(&bytes, at: position, with: (0..<width).map { UInt8(truncatingIfNeeded: edge >> UInt64(8 * $0)) })
        case 9:
            let other = originals.randomElement(using: &generator) ?? []
            bytes = Array(bytes[..<position]) + other.dropFirst(number(in: 0..<(other.count + 1)))
        default:
            // The same again and again: nesting, and lists longer than anyone needs.
            let piece = Array(bytes[position..<min(end, position + 8)])
            bytes.insert(contentsOf: repeatElement(piece, count: number(in: 1..<2000)).joined(), at: position)
        }
    }

    private func overwrite(_ bytes: inout [UInt8], at position: Int, with word: [UInt8]) {
        bytes.replaceSubrange(position..<min(bytes.count, position + word.count), with: word)
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same seed makes the same inputs everywhere.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
