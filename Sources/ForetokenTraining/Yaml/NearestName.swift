/// The candidate with the fewest edits, if they are few for its length.
package func nearest(_ word: String, among candidates: [String]) -> String? {
    // `learning_rate` and `learningRate` are one word.
    func plain(_ name: String) -> String { name.lowercased().filter { $0 != "_" && $0 != "-" } }
    let scored = candidates.map { ($0, editDistance(plain(word), plain($0))) }
    guard let best = scored.min(by: { $0.1 < $1.1 }), best.1 <= max(1, word.count / 3) else { return nil }
    return best.0
}

/// Letters inserted, left out, replaced or swapped with their neighbour (optimal string alignment).
private func editDistance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a), Array(b))
    var (before, row) = ([Int](), Array(0...b.count))
    for (i, left) in a.enumerated() {
        var next = [i + 1]
        for (j, right) in b.enumerated() {
            var least = min(row[j] + (left == right ? 0 : 1), row[j + 1] + 1, next[j] + 1)
            if i > 0, j > 0, left == b[j - 1], a[i - 1] == right { least = min(least, before[j - 1] + 1) }
            next.append(least)
        }
        (before, row) = (row, next)
    }
    return row[b.count]
}
