import Foundation

extension Error {
    /// The system's own words for a failed file operation ("No space left on device"), where Foundation has only a domain
    /// and a number.
    package var systemReason: String {
        var error = self as NSError
        while let underlying = error.userInfo[NSUnderlyingErrorKey] as? any Error { error = underlying as NSError }
        if error.domain == NSPOSIXErrorDomain { return String(cString: strerror(Int32(clamping: error.code))) }
        return switch CocoaError.Code(rawValue: error.code) {
        case .fileNoSuchFile, .fileReadNoSuchFile: String(cString: strerror(ENOENT))
        case .fileReadNoPermission, .fileWriteNoPermission: String(cString: strerror(EACCES))
        case .fileWriteFileExists: String(cString: strerror(EEXIST))
        case .fileWriteOutOfSpace: String(cString: strerror(ENOSPC))
        default: error.localizedDescription
        }
    }
}
