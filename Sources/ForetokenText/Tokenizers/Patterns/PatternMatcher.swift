/// Matches a pattern at places of a text.
struct PatternMatcher {
    private let pattern: WordPattern
    private let text: UnsafeBufferPointer<UInt8>
    /// Whether each byte stands for its character in ``ByteAlphabet``; otherwise the text is UTF-8, and invalid UTF-8 matches as
    /// U+FFFD.
    private let isMapped: Bool
    private var frames: [Frame] = []

    /// A place to go on at when matching fails.
    private struct Frame {
        let instruction: Int
        let position: Int
        /// Of a run, the lowest place to go on at.
        let low: Int
    }

    /// The number of failures of one attempt after which each place and instruction is tried once only, so that no pattern takes
    /// exponential time.
    private static let patience = 5000

    init(_ pattern: WordPattern, _ text: UnsafeBufferPointer<UInt8>, isMapped: Bool) {
        (self.pattern, self.text, self.isMapped) = (pattern, text, isMapped)
    }

    /// The character at a place, and the place after it.
    @inline(__always)
    func step(_ at: Int) -> (value: UInt32, next: Int) {
        let byte = text[at]
        if isMapped { return (ByteAlphabet.characters[Int(byte)].value, at + 1) }
        if byte < 0x80 { return (UInt32(byte), at + 1) }
        let step = CharacterStep(text, at: at)
        return (step.scalar?.value ?? 0xFFFD, at + step.length)
    }

    /// The place before the character that ends at a place; the longest, as leading bytes are never inside a character.
    private func stepBack(_ end: Int) -> Int {
        if isMapped || text[end - 1] < 0x80 { return end - 1 }
        for length in [4, 3, 2] where length <= end && step(end - length).next == end { return end - length }
        return end - 1
    }

    /// The end of the match at a place.
    mutating func end(at start: Int) -> Int? { run(0, start) }

    /// The next place with a character with which matches begin, or the end of the text.
    func candidate(from start: Int) -> Int {
        guard let first = pattern.program.first else { return start }
        var position = start
        while position < text.count {
            let step = step(position)
            if pattern.program.sets.contains(step.value, in: first) { break }
            position = step.next
        }
        return position
    }

    private mutating func run(_ first: Int, _ start: Int) -> Int? {
        let base = frames.count
        var (instruction, position) = (first, start)
        var failures = 0
        var tried: Set<UInt64> = []
        while true {
            if let next = advance(&instruction, position) {
                if next >= 0 {
                    position = next
                    continue
                }
                frames.removeLast(frames.count - base)
                return position
            }
            while true {
                guard frames.count > base, let frame = frames.popLast() else { return nil }
                (instruction, position) = (frame.instruction, frame.position)
                if position > frame.low {
                    frames.append(Frame(instruction: instruction, position: stepBack(position), low: frame.low))
                }
                failures += 1
                let key = UInt64(instruction) << 40 | UInt64(position)
                if failures < Self.patience || tried.insert(key).inserted { break }
            }
        }
    }

    /// Executes an instruction: the new place, -1 at the end of the match, nil if it fails.
    @inline(__always)
    private mutating func advance(_ instruction: inout Int, _ position: Int) -> Int? {
        switch pattern.program.instructions[instruction] {
        case .character(let value):
            guard position < text.count else { return nil }
            let step = step(position)
            guard step.value == value else { return nil }
            instruction += 1
            return step.next
        case .set(let set):
            guard position < text.count else { return nil }
            let step = step(position)
            guard pattern.program.sets.contains(step.value, in: set) else { return nil }
            instruction += 1
            return step.next
        case .run(let set, let least, let most, let givesBack):
            var (end, count, low) = (position, 0, position)
            while count < most, end < text.count {
                let step = step(end)
                guard pattern.program.sets.contains(step.value, in: set) else { break }
                (end, count) = (step.next, count + 1)
                if count == least { low = end }
            }
            guard count >= least else { return nil }
            instruction += 1
            if givesBack, end > low {
                frames.append(Frame(instruction: instruction, position: stepBack(end), low: low))
            }
            return end
        case .split(let first, let second):
            frames.append(Frame(instruction: second, position: position, low: position))
            instruction = first
            return position
        case .jump(let target):
            instruction = target
            return position
        case .lookahead(let end, let isNegative):
            guard (run(instruction + 1, position) == nil) == isNegative else { return nil }
            instruction = end
            return position
        case .atomic(let end):
            guard let next = run(instruction + 1, position) else { return nil }
            instruction = end
            return next
        case .assertion(let assertion):
            guard holds(assertion, position) else { return nil }
            instruction += 1
            return position
        case .match: return -1
        }
    }

    private func holds(_ assertion: PatternAssertion, _ at: Int) -> Bool {
        let isAfterBreak = at > 0 && text[at - 1] == 0x0A
        let isAtEnd = at == text.count
        switch assertion {
        case .startOfLine: return at == 0 || isAfterBreak && !isAtEnd
        case .endOfLine: return isAtEnd || text[at] == 0x0A
        case .startOfText: return at == 0
        case .endOfText: return isAtEnd
        case .wordBoundary, .noWordBoundary:
            let before = at > 0 && GeneralCategories.isWord(step(stepBack(at)).value)
            let after = !isAtEnd && GeneralCategories.isWord(step(at).value)
            return (before != after) == (assertion == .wordBoundary)
        }
    }
}
