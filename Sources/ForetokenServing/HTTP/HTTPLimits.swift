/// What one connection may take.
public struct HTTPLimits: Sendable {
    /// The largest body of a request, in bytes.
    public var bodyBytes = 16 << 20
    /// How long a client may take to send a body.
    public var bodyTime = Duration.seconds(60)
    /// How long a connection may be idle, or take to send the head of a request.
    public var idleTime = Duration.seconds(75)
    /// How long an answer in events is silent before a comment is sent.
    public var silence = Duration.seconds(1)
    /// The largest number of connections.
    public var connections = 1024

    /// Creates the default limits.
    public init() {}
}
