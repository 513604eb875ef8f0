internal import CTorch

/// c10d's TCPStore: small values by key, served by one process, where ranks find each other.
///
/// Calls may come from any thread; those of one connection wait for one another.
public final class RendezvousStore: @unchecked Sendable {
    // @unchecked: c10d locks the connection in every call.
    private let handle: ct_store

    /// Serves at a port (0: any that is free), or connects to a server, trying until the time is up.
    ///
    /// - Throws: ``TorchError/failed(_:)``.
    public init(host: String, port: UInt16, serving: Bool, timeout: Duration) throws(TorchError) {
        LibTorch.initialized
        guard let handle = ct_store_open(host, port, serving, timeout.milliseconds) else {
            throw .failed(lastMessage())
        }
        self.handle = handle
    }

    deinit { ct_store_release(handle) }

    /// The port.
    public var port: UInt16 { withExtendedLifetime(self) { ct_store_port(handle) } }

    /// Sets a value.
    ///
    /// - Throws: ``TorchError/failed(_:)`` when the server is gone, as all calls do.
    public func set(_ key: String, _ text: String) throws(TorchError) {
        let bytes = Array(text.utf8)
        try require(ct_store_set(handle, key, bytes, bytes.count))
    }

    /// Waits for a value; at most 64 KiB of it.
    public func get(_ key: String) throws(TorchError) -> String {
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        var count = 0
        try require(ct_store_get(handle, key, &bytes, bytes.count, &count))
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    /// Adds to a counter, which begins at 0, and tells its value.
    @discardableResult
    public func add(_ amount: Int, to key: String) throws(TorchError) -> Int {
        var value: Int64 = 0
        try require(ct_store_add(handle, key, Int64(amount), &value))
        return Int(value)
    }

    /// Whether there is a value.
    public func has(_ key: String) throws(TorchError) -> Bool {
        var found = false
        try require(ct_store_has(handle, key, &found))
        return found
    }

    private func require(_ status: Int32) throws(TorchError) {
        try withExtendedLifetime(self) { () throws(TorchError) in
            if status != CT_OK { throw .failed(lastMessage()) }
        }
    }

    func call<Result>(_ body: (ct_store) -> Result) -> Result { withExtendedLifetime(self) { body(handle) } }
}

extension Duration {
    var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
