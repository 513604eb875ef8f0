#if Server
    import AsyncAlgorithms
    import Hummingbird

    extension ResponseBody {
        /// Server-sent events, with a comment whenever nothing was sent for a while, so that nobody on the way gives up.
        ///
        /// Parts are handed over one by one: a client that does not read stops the generation of its own texts.
        ///
        /// - Parameters:
        ///   - silence: how long nothing may be sent.
        ///   - requests: cancelled when the client has gone.
        ///   - events: writes the events.
        static func events(
            silence: Duration, _ requests: CancellationGroup,
            _ events: @escaping @Sendable (_ write: @escaping ServerReply.Write) async throws -> Void
        ) -> ResponseBody {
            ResponseBody { writer in
                let parts = AsyncThrowingChannel<[UInt8], any Error>()
                let producer = Task {
                    await requests.run {
                        do {
                            try await events { part in
                                try Task.checkCancellation()
                                await parts.send(part)
                                try Task.checkCancellation()
                            }
                            parts.finish()
                        } catch {
                            parts.fail(error)
                        }
                    }
                }
                defer { producer.cancel() }
                let clock = ContinuousClock()
                var last = clock.now
                let ticks = AsyncTimerSequence.repeating(every: silence / 4, clock: clock)
                // An empty part is a tick; the events' end ends the loop.
                let merged = merge(
                    chain(parts.map { $0 as [UInt8]? }, [nil].async.map { $0 as [UInt8]? }),
                    ticks.map { _ in [] as [UInt8]? })
                for try await part in merged {
                    guard let part else { break }
                    if part.isEmpty, clock.now - last < silence { continue }
                    try await writer.write(ByteBuffer(bytes: part.isEmpty ? Array(EventStream.ping.utf8) : part))
                    last = clock.now
                }
                try await writer.finish(nil)
            }
        }
    }
#endif
