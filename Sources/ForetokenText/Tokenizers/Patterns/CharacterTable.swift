/// Sets of characters that are looked up quickly.
struct CharacterTable: Sendable {
    /// Of each set, a bit for each character of the Basic Multilingual Plane.
    private var planes: [UInt64] = []
    private var rules: [CharacterRule] = []
    private var numbers: [CharacterRule: Int] = [:]

    var count: Int { rules.count }

    /// The number of a set.
    mutating func number(_ rule: CharacterRule) -> Int {
        if let number = numbers[rule] { return number }
        numbers[rule] = rules.count
        rules.append(rule)
        planes += Self.plane(of: rule)
        return rules.count - 1
    }

    @inline(__always)
    func contains(_ value: UInt32, in set: Int) -> Bool {
        value < 0x10000
            ? planes[set << 10 | Int(value >> 6)] & 1 << UInt64(value & 63) != 0 : rules[set].contains(value)
    }

    private static func plane(of rule: CharacterRule) -> [UInt64] {
        var result = [UInt64](repeating: 0, count: 1024)
        switch rule {
        case .range(let range):
            guard range.lowerBound < 0x10000 else { break }
            for value in range.clamped(to: 0...0xFFFF) { result[Int(value >> 6)] |= 1 << UInt64(value & 63) }
        case .categories, .space, .word, .punctuation:
            for value in 0...UInt32(0xFFFF) where rule.contains(value) {
                result[Int(value >> 6)] |= 1 << UInt64(value & 63)
            }
        case .union(let rules):
            for rule in rules { for (index, word) in plane(of: rule).enumerated() { result[index] |= word } }
        case .intersection(let left, let right):
            result = zip(plane(of: left), plane(of: right)).map { $0 & $1 }
        case .not(let rule): result = plane(of: rule).map { ~$0 }
        }
        return result
    }
}
