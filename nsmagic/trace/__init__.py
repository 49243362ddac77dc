"""What passes through a lab: captures (``sniff``), and the way of each packet from room to room (``trace``).

The agent captures and sends frames as data (``agent/capture.py``); here they are kept, decoded, told in words and joined.
Frames are taken apart by dpkt: pure Python without dependencies, BSD like this project, in use since 2004, and quick to import. Scapy
knows more, but it is GPL and looks at the machine's own interfaces and routes when it is imported; whoever has it gets its packets
from ``Capture.to_scapy()``.
"""
