"""A panel without a screen: registers tray icons, reads their menus, and clicks."""

import threading

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib

WATCHER = """
<node><interface name="org.kde.StatusNotifierWatcher">
  <method name="RegisterStatusNotifierItem"><arg type="s" direction="in"/></method>
  <method name="RegisterStatusNotifierHost"><arg type="s" direction="in"/></method>
  <property name="RegisteredStatusNotifierItems" type="as" access="read"/>
  <property name="IsStatusNotifierHostRegistered" type="b" access="read"/>
  <property name="ProtocolVersion" type="i" access="read"/>
  <signal name="StatusNotifierItemRegistered"><arg type="s"/></signal>
  <signal name="StatusNotifierHostRegistered"/>
</interface></node>
"""

NOTIFICATIONS = """
<node><interface name="org.freedesktop.Notifications">
  <method name="Notify">
    <arg type="s" direction="in"/><arg type="u" direction="in"/><arg type="s" direction="in"/>
    <arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="as" direction="in"/>
    <arg type="a{sv}" direction="in"/><arg type="i" direction="in"/><arg type="u" direction="out"/>
  </method>
  <method name="GetCapabilities"><arg type="as" direction="out"/></method>
  <method name="CloseNotification"><arg type="u" direction="in"/></method>
  <signal name="ActionInvoked"><arg type="u"/><arg type="s"/></signal>
  <signal name="NotificationClosed"><arg type="u"/><arg type="u"/></signal>
  <method name="GetServerInformation">
    <arg type="s" direction="out"/><arg type="s" direction="out"/><arg type="s" direction="out"/><arg type="s" direction="out"/>
  </method>
</interface></node>
"""


# Reason of a closed notification: a person put it away.
PUT_AWAY = 2


class Panel:
    """Stands in for a desktop's panel and notification service on the session bus."""

    def __init__(self):
        self.bus = Gio.bus_get_sync(Gio.BusType.SESSION)
        # False while no panel shows icons, as on a plain GNOME.
        self.hosted = True
        self.icons = []
        self.notifications = []
        self._own("org.kde.StatusNotifierWatcher", "/StatusNotifierWatcher", WATCHER, self._watch, self._property)
        self._own("org.freedesktop.Notifications", "/org/freedesktop/Notifications", NOTIFICATIONS, self._notify, None)
        # A panel answers whatever a test is waiting for.
        threading.Thread(target=GLib.MainLoop().run, daemon=True).start()

    def _own(self, name, path, xml, call, get):
        interface = Gio.DBusNodeInfo.new_for_xml(xml).interfaces[0]
        self.bus.register_object(path, interface, call, get, None)
        Gio.bus_own_name_on_connection(self.bus, name, Gio.BusNameOwnerFlags.NONE, None, None)

    def _watch(self, _bus, sender, _path, _interface, method, words, reply):
        if method == "RegisterStatusNotifierItem":
            named = words.unpack()[0]
            self.icons.append((sender, named) if named.startswith("/") else (named, "/StatusNotifierItem"))
        reply.return_value(None)

    def _property(self, _bus, _sender, _path, _interface, name):
        return {
            "RegisteredStatusNotifierItems": GLib.Variant("as", [name + path for name, path in self.icons]),
            "IsStatusNotifierHostRegistered": GLib.Variant("b", self.hosted),
            "ProtocolVersion": GLib.Variant("i", 0),
        }[name]

    def _notify(self, _bus, _sender, _path, _interface, method, words, reply):
        if method == "Notify":
            _app, _replaces, _icon, title, body, actions, _hints, _timeout = words.unpack()
            number = len(self.notifications) + 1
            # Pairs of a name and what people read.
            buttons = dict(zip(actions[1::2], actions[::2]))
            self.notifications.append({"number": number, "title": title, "body": body, "buttons": buttons})
            reply.return_value(GLib.Variant("(u)", (number,)))
        elif method == "GetCapabilities":
            reply.return_value(GLib.Variant("(as)", (["body", "actions"],)))
        elif method == "GetServerInformation":
            reply.return_value(GLib.Variant("(ssss)", ("panel", "gridwell", "1", "1.2")))
        else:
            reply.return_value(None)

    def press(self, notification, button):
        """Presses a button of a notification; it closes, as panels do it."""
        words = GLib.Variant("(us)", (notification["number"], notification["buttons"][button]))
        self._signal("ActionInvoked", words)
        self.put_away(notification)

    def put_away(self, notification):
        self._signal("NotificationClosed", GLib.Variant("(uu)", (notification["number"], PUT_AWAY)))

    def _signal(self, name, words):
        service = "org.freedesktop.Notifications"
        self.bus.emit_signal(None, "/org/freedesktop/Notifications", service, name, words)

    def knows(self, part):
        """Whether a name with this part is on the bus."""
        bus = "org.freedesktop.DBus"
        names = self.bus.call_sync(bus, "/", bus, "ListNames", None, None, Gio.DBusCallFlags.NONE, 5_000).unpack()[0]
        return any(part in name for name in names)

    def call(self, interface, method, words=None, path=None):
        name, at = self.icons[-1]
        return self.bus.call_sync(
            name, path or at, interface, method, words, None, Gio.DBusCallFlags.NONE, 5_000
        ).unpack()

    def property(self, name):
        words = GLib.Variant("(ss)", ("org.kde.StatusNotifierItem", name))
        return self.call("org.freedesktop.DBus.Properties", "Get", words)[0]

    def menu(self):
        """Label and number of every item, in order; separators left out."""
        words = GLib.Variant("(iias)", (0, -1, ["label", "enabled", "type"]))
        _revision, root = self.call("com.canonical.dbusmenu", "GetLayout", words, self.property("Menu"))
        items = [child for child in root[2]]
        return {
            properties.get("label", "").replace("_", ""): (number, properties.get("enabled", True))
            for number, properties, _children in items
            if properties.get("type") != "separator"
        }

    def click(self, label):
        """Chooses an item whose label begins so."""
        number = next(number for text, (number, _) in self.menu().items() if text.startswith(label))
        words = GLib.Variant("(isvu)", (number, "clicked", GLib.Variant("i", 0), 0))
        self.call("com.canonical.dbusmenu", "Event", words, self.property("Menu"))
