import ForetokenText

@testable import ForetokenDecoding

/// How many of all drafts at every position of a text are accepted, after its first token: proposals are recorded and not used, so
/// each pass gives one token, and afterwards they are compared with the text.
func acceptedDrafts(_ model: DecodeModel, _ request: GenerationRequest) throws -> [Int] {
    let allocator = BlockAllocator(model)
    let drafter = ProposalRecorder(model.makeDrafter(allocator))
    let engine = DecodeEngine(model, allocator: allocator, drafter: drafter)
    let sequence = try DecodingSequence(model, request, tokenizer: ByteTokenizer(), allocator: allocator)
    while !sequence.isFinished { try engine.step([sequence]) }
    let text = sequence.statistics.tokens
    return text.indices.dropLast().map { index in
        // The last positions can use no drafts.
        guard index < drafter.proposals.count else { return 0 }
        return zip(drafter.proposals[index], text.dropFirst(index + 1)).prefix { $0 == $1 }.count
    }
}

/// Keeps what the heads propose and gives none of it to the verification.
private final class ProposalRecorder: Drafter {
    private let heads: any Drafter
    private(set) var proposals: [[Int32]] = []

    init(_ heads: any Drafter) { self.heads = heads }

    func advance(
        _ sequence: DecodingSequence, _ sources: [UnsafeMutablePointer<Float>], rows: Int, position: Int
    ) throws {
        try heads.advance(sequence, sources, rows: rows, position: position)
    }

    func propose(_ sequences: [DecodingSequence], counts: [Int]) throws {
        try heads.propose(sequences, counts: counts)
        for sequence in sequences {
            proposals.append(sequence.drafts)
            sequence.drafts = []
        }
    }
}
