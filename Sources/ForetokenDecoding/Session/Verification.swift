/// The result of verifying the drafts of a pass over [last token, drafts…].
struct Verification: Equatable {
    /// The accepted drafts and the next-token head's own token after them; fewer if NaN logits ended the verification.
    var tokens: [Int32] = []
    /// How many of them are drafts.
    var accepted = 0
    /// Whether the logits of the row after `tokens` contain NaN.
    var hasInvalidLogits = false
}

/// Returns the accepted drafts and the token after them (blockwise parallel decoding, arXiv 1811.03115).
///
/// `choose(i)` must return the token that next-token decoding would choose after the last committed token and drafts[..<i], as a
/// pure function of these; nil if the logits contain NaN. Row i depends on drafts[..<i] alone, since attention is causal and the
/// kernels are row-invariant. So as long as every earlier draft equals the token chosen at its position, row i is bitwise the row
/// that next-token decoding computes there, and by induction the tokens are those of next-token decoding. The first rejected
/// draft is replaced by the chosen token, which is the last one: later rows depend on the rejected draft and are not evaluated.
/// This function changes no state; the caller commits the tokens one by one.
func verify(
    drafts: [Int32], choose: (_ row: Int, _ before: [Int32]) throws -> Int32?
) rethrows -> Verification {
    var result = Verification()
    for row in 0...drafts.count {
        guard let token = try choose(row, result.tokens) else {
            result.hasInvalidLogits = true
            return result
        }
        result.tokens.append(token)
        guard row < drafts.count, drafts[row] == token else { return result }
        result.accepted += 1
    }
    return result
}
