"""The administrator options that there are (reference §9.5); all are 0 at first."""

from __future__ import annotations

from functools import partial

from iquila.database.options import ANY, Option, by_name

_number = partial(Option, highest=ANY, works=True)
_flag = partial(Option, works=True)
_kept = Option

ADMINISTRATOR = by_name(
    _flag(
        "allow_hub_admin_change_option",
        "The administrator of the Virtual Switch may change these options too.",
    ),
    _number("max_users", "How many users the switch may have; 0 for no limit."),
    _number(
        "max_multilogins_per_user",
        "How many sessions one user may have at a time, whatever the user's policy allows; "
        "0 for no limit.",
    ),
    _number("max_groups", "How many groups the switch may have; 0 for no limit."),
    _number(
        "max_accesslists",
        "How many access rules the switch's administrator may make; 0 for no limit of its own.",
    ),
    _flag(
        "max_sessions_client_bridge_apply",
        "Whether max_sessions_client and max_sessions_bridge hold.",
    ),
    _number(
        "max_sessions",
        "How many sessions the switch may have on one server; 0 for no limit.",
    ),
    _number(
        "max_sessions_client",
        "How many sessions of single computers it may have on one server, if "
        "max_sessions_client_bridge_apply is set; 0 lets none in.",
    ),
    _number(
        "max_sessions_bridge",
        "How many sessions that bridge or route it may have on one server, if "
        "max_sessions_client_bridge_apply is set; 0 lets none in.",
    ),
    _number(
        "max_bitrates_download",
        "The most bits in a second to any one session, whatever its policy allows; 0 for no limit.",
    ),
    _number(
        "max_bitrates_upload",
        "The most bits in a second from any one session, whatever its policy allows; "
        "0 for no limit.",
    ),
    _flag(
        "deny_empty_password",
        "A user whose password is empty may log in from the server's own machine only.",
    ),
    _flag("deny_bridge", "No session may bridge, whatever its policy allows."),
    _flag("deny_routing", "No session may route, whatever its policy allows."),
    _flag("deny_qos", "No session gets priority for its urgent frames."),
    _flag("deny_change_user_password", "Users may not change their own passwords."),
    _flag("no_change_users", "The switch's administrator may not change users."),
    _flag("no_change_groups", "The switch's administrator may not change groups."),
    _flag("no_securenat", "The switch's administrator may not touch virtual NAT and DHCP."),
    _kept("no_securenat_enablenat", "The switch's administrator may not turn virtual NAT on."),
    _kept("no_securenat_enabledhcp", "The switch's administrator may not turn virtual DHCP on."),
    _flag("no_cascade", "The switch's administrator may not touch cascade connections."),
    _flag("no_online", "The switch's administrator may not let the switch run."),
    _flag("no_offline", "The switch's administrator may not stop the switch."),
    _flag("no_change_log_config", "The switch's administrator may not change what is logged."),
    _flag("no_disconnect_session", "The switch's administrator may not end sessions."),
    _flag("no_delete_iptable", "The switch's administrator may not delete learned IP addresses."),
    _flag("no_delete_mactable", "The switch's administrator may not delete learned MAC addresses."),
    _flag("no_enum_session", "The switch's administrator may not list the sessions."),
    _flag("no_query_session", "The switch's administrator may not look at single sessions."),
    _flag("no_change_admin_password", "The switch's administrator may not change the password."),
    _flag(
        "no_change_log_switch_type",
        "The switch's administrator may not change how often a new log file begins.",
    ),
    _flag("no_change_access_list", "The switch's administrator may not change the access list."),
    _flag(
        "no_change_access_control_list",
        "The switch's administrator may not change the list of source addresses.",
    ),
    _flag("no_change_cert_list", "The switch's administrator may not change trusted authorities."),
    _flag("no_change_crl_list", "The switch's administrator may not change revoked certificates."),
    _flag("no_read_log_file", "The switch's administrator may not read log files."),
    _flag(
        "deny_hub_admin_change_ext_option",
        "The switch's administrator may not change the extended options.",
    ),
    _flag(
        "no_delay_jitter_packet_loss",
        "The switch's administrator may not write access rules that delay or lose frames.",
    ),
    _flag("no_change_msg", "The switch's administrator may not change the message to clients."),
    _flag(
        "no_access_list_include_file",
        "The switch's administrator may not write access rules that name a file of users.",
    ),
)
