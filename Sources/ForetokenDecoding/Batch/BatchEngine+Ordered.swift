import ForetokenFiles

extension BatchEngine {
    /// Runs requests concurrently and delivers their texts in order.
    ///
    /// - Parameters:
    ///   - lines: the requests' numbers. Lines i·`completions` ..< (i + 1)·`completions` complete the same prompt, which runs
    ///     through the model once. The rest of a group that an earlier run began finds its prompt in the prefix cache.
    ///   - completions: completions of each prompt.
    ///   - request: returns the request of a line.
    ///   - shouldContinue: called before every line; returning false stops the run.
    ///   - body: called with each line, its text and its statistics.
    /// - Throws: ``DecodingError``, ``DecodingError/outOfMemory(_:)``, errors of `body`.
    @ComputeActor
    public func runInOrder(
        _ lines: Range<Int>, completions: Int, request: (Int) -> GenerationRequest, shouldContinue: (Int) -> Bool,
        body: (Int, String, GenerationStatistics) throws -> Void
    ) async throws {
        // Requests submitted ahead keep the engine full; their texts are delivered when their turn comes.
        var ahead: [GenerationStream] = []
        var next = lines.lowerBound
        for line in lines {
            guard shouldContinue(line) else { return }
            while next < lines.upperBound, ahead.count < 2 * limits.sequences + completions {
                let nextRequest = request(next)
                if next.isMultiple(of: completions) {
                    let streams = try submit(nextRequest, completions: completions)
                    streams.forEach { $0.collect() }
                    ahead += streams
                    next += completions
                } else {
                    let stream = try submit(nextRequest)
                    stream.collect()
                    ahead.append(stream)
                    next += 1
                }
            }
            let stream = ahead.removeFirst()
            try body(line, try await stream.text(), await stream.statistics)
        }
    }
}
