/// What a pass over [last token, drafts…] decides.
struct Verification: Equatable {
    /// The accepted drafts and the next-token head's own token after them; fewer if a row that they need was not made of numbers.
    var tokens: [Int32] = []
    /// How many of them are drafts.
    var accepted = 0
    /// Whether the row after `tokens` was not made of numbers.
    var isBroken = false
}

/// Which drafts stand, and the token after them (blockwise parallel decoding, arXiv 1811.03115).
///
/// Its premises: `choose(i)` is the token that next-token decoding would choose after the last committed token and drafts[..<i], a
/// pure function of these; nil where the logits are not numbers. Row i stands on drafts[..<i] alone, since attention is causal
/// and kernels are row-invariant. So as long as every earlier draft equals the token chosen in its place, row i is the row that
/// next-token decoding computes there, bit for bit, and by induction the tokens are those of next-token decoding. The first row
/// whose draft is wrong gives the last token: the rows behind it stand on a token that next-token decoding never has, and are
/// not looked at. Nothing is changed here; what follows of it is the caller's to commit, token by token.
func verify(
    drafts: [Int32], choose: (_ row: Int, _ before: [Int32]) throws -> Int32?
) rethrows -> Verification {
    var result = Verification()
    for row in 0...drafts.count {
        guard let token = try choose(row, result.tokens) else {
            result.isBroken = true
            return result
        }
        result.tokens.append(token)
        guard row < drafts.count, drafts[row] == token else { return result }
        result.accepted += 1
    }
    return result
}
