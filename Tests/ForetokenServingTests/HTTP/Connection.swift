#if Server
    import NIOCore
    import NIOPosix
    import Synchronization

    /// A client's connection on which a test writes and reads what it likes.
    struct Connection: Sendable {
        private let channel: any Channel
        private let reader: Reader

        /// Connects to a port of this machine.
        ///
        /// - Parameter readsLittle: reads only when asked, through a small buffer, as a client that is slow.
        static func open(_ port: Int, readsLittle: Bool = false) async throws -> Connection {
            var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            if readsLittle {
                bootstrap = bootstrap.channelOption(ChannelOptions.autoRead, value: false)
                    .channelOption(ChannelOptions.socketOption(.so_rcvbuf), value: 4096)
            }
            let reader = Reader()
            let channel = try await bootstrap.channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ReaderHandler(reader))
                }
            }.connect(host: "127.0.0.1", port: port).get()
            return Connection(channel: channel, reader: reader)
        }

        func send(_ text: String) async throws {
            try await channel.writeAndFlush(ByteBuffer(string: text))
        }

        /// Sends a request with a body of JSON.
        func post(_ path: String, _ body: String, headers: String = "") async throws {
            try await send(
                "POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
        }

        /// Reads until the text has something, the connection ends or the time is over; returns all text so far.
        func text(until end: String, seconds: Double = 20) async throws -> String {
            let clock = ContinuousClock()
            let limit = clock.now + .seconds(seconds)
            while clock.now < limit {
                let (text, isClosed) = reader.state
                if isClosed || text.contains(end) { return text }
                try await Task.sleep(for: .milliseconds(5))
            }
            return reader.state.text
        }

        /// Whether the server closes the connection within a time.
        func isClosed(within seconds: Double = 20) async throws -> Bool {
            _ = try await text(until: "\u{0}never", seconds: seconds)
            return reader.state.isClosed
        }

        func clear() { reader.clear() }

        func close() async throws { try? await channel.close() }
    }

    private final class Reader: Sendable {
        private let content = Mutex((text: "", isClosed: false))
        var state: (text: String, isClosed: Bool) { content.withLock { $0 } }
        func append(_ text: String) { content.withLock { $0.text += text } }
        func clear() { content.withLock { $0.text = "" } }
        func close() { content.withLock { $0.isClosed = true } }
    }

    private final class ReaderHandler: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        private let reader: Reader

        init(_ reader: Reader) { self.reader = reader }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            reader.append(String(buffer: unwrapInboundIn(data)))
        }

        func channelInactive(context: ChannelHandlerContext) { reader.close() }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
#endif
