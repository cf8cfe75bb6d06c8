"""A window that files are dragged from: python3 source.py PATH..."""

import sys
from pathlib import Path

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, GLib, Gtk


def main():
    addresses = [Path(path).as_uri() for path in sys.argv[1:]]
    window = Gtk.Window(title="Drag source", default_width=120, default_height=120)
    box = Gtk.EventBox()
    box.add(Gtk.Label(label="files"))
    window.add(box)
    box.drag_source_set(Gdk.ModifierType.BUTTON1_MASK, [], Gdk.DragAction.COPY)
    box.drag_source_add_uri_targets()
    box.connect("drag-data-get", lambda _box, _context, data, _info, _time: data.set_uris(addresses))
    window.connect("destroy", Gtk.main_quit)
    window.show_all()
    window.move(0, 0)
    window.set_keep_above(True)
    GLib.idle_add(lambda: print("ready", flush=True))
    Gtk.main()


main()
