"""Cases of commands on Virtual Switches, users and groups."""

from __future__ import annotations

import base64

from .case import Case, case, record
from .records import CERTIFICATE

_HEX = base64.b64encode(bytes.fromhex("0A0B")).decode()
SWITCHES = (
    case(
        "HubList",
        "EnumHub",
        shows="Virtual Hub Name|lab;;Type|Static Hub;;Num Logins|7;;Transfer Bytes|4,880",
    ),
    case(
        "HubCreate lab /PASSWORD:pw",
        "GetFarmSetting",
        ("CreateHub", {"HubName_str": "lab", "AdminPasswordPlainText_str": "pw"}),
    ),
    case("HubCreateStatic lab /PASSWORD:", ("CreateHub", {"HubType_u32": 1})),
    case("HubCreateDynamic lab /PASSWORD:", ("CreateHub", {"HubType_u32": 2})),
    case("HubDelete lab", ("DeleteHub", {"HubName_str": "lab"})),
    record("HubSetStatic lab", "Hub", HubType_u32=1, NoEnum_bool=True),
    record("HubSetDynamic lab", "Hub", HubType_u32=2, NoEnum_bool=True),
    case(
        "StatusGet",
        ("GetHubStatus", {"HubName_str": "lab"}),
        shows="Type|Dynamic Hub;;SecureNAT|Disabled;;Sessions (Bridge)|8;;"
        "Created at|2026-11-22 14:46:00",
    ),
    case("Online", ("SetHubOnline", {"HubName_str": "lab", "Online_bool": True})),
    case("Offline", ("SetHubOnline", {"HubName_str": "lab", "Online_bool": False})),
    case(
        "OptionsGet",
        "GetHub",
        shows="Enumeration of Virtual Hub for Anonymous User|Deny;;"
        "Max Number of Sessions|Infinite;;Virtual Hub Type|Static Hub",
    ),
    record("SetMaxSession 9", "Hub", MaxSession_u32=9, NoEnum_bool=True),
    record("SetEnumAllow", "Hub", NoEnum_bool=False, HubType_u32=1),
    record("SetEnumDeny", "Hub", NoEnum_bool=True),
    record("SetHubPassword pw", "Hub", HubName_str="lab"),
    case("AdminOptionList", "GetHubAdminOptions", shows="Item|max_users;;Description|Asks nobody"),
    case(
        "AdminOptionSet MAX_USERS /VALUE:9",
        "GetHubAdminOptions",
        (
            "SetHubAdminOptions",
            {
                "AdminOptionList": [
                    {"Name_str": "max_users", "Value_u32": 9, "Descrption_utf": "Users at most"},
                    {
                        "Name_str": "NoIpTable",
                        "Value_u32": 0,
                        "Descrption_utf": "Asks nobody",
                    },
                ]
            },
        ),
    ),
    case("ExtOptionList", "GetHubExtOptions", shows="Item|NoIpTable;;Value|0"),
    record("ExtOptionSet NoIpTable /VALUE:1", "HubExtOptions", HubName_str="lab"),
    case(
        "RadiusServerGet",
        ("GetHubRadius", {"HubName_str": "lab"}),
        shows="Use RADIUS Server|Enable;;RADIUS Server Port Number|1812;;Shared Secret|shared",
    ),
    case(
        "RadiusServerSet radius.example /SECRET:s",
        (
            "SetHubRadius",
            {
                "HubName_str": "lab",
                "RadiusServerName_str": "radius.example",
                "RadiusPort_u32": 1812,
                "RadiusSecret_str": "s",
                "RadiusRetryInterval_u32": 500,
            },
        ),
    ),
    case("RadiusServerDelete", ("SetHubRadius", {"RadiusServerName_str": ""})),
)

USERS = (
    case(
        "UserList",
        ("EnumUser", {"HubName_str": "lab"}),
        shows="User Name|alice;;Auth Method|RADIUS Authentication;;"
        "Expiration Date|No Expiration;;Transfer Packets|8",
    ),
    case(
        'UserCreate bob /GROUP:staff /REALNAME:"Bob B"',
        (
            "CreateUser",
            {
                "HubName_str": "lab",
                "Name_str": "bob",
                "GroupName_str": "staff",
                "Realname_utf": "Bob B",
                "Note_utf": "",
                "AuthType_u32": 1,
            },
        ),
    ),
    Case(
        "UserSet alice /NOTE:new",
        (
            ("GetUser", {"Name_str": "alice"}),
            (
                "SetUser",
                {
                    "HubName_str": "lab",
                    "Note_utf": "new",
                    "GroupName_str": "staff",
                    "Realname_utf": "Alice Adams",
                    "HashedKey_bin": "aGFzaA==",
                },
            ),
        ),
        absent=("ExpireTime_dt",),
    ),
    case("UserDelete alice", ("DeleteUser", {"HubName_str": "lab", "Name_str": "alice"})),
    case(
        "UserGet alice",
        ("GetUser", {"HubName_str": "lab", "Name_str": "alice"}),
        shows="Group Name|staff;;Expiration Date|(None);;Auth Type|Password Authentication;;"
        "Created on|2026-11-22 (Sun) 14:46:00;;Number of Logins|3",
    ),
    record(
        'UserExpiresSet alice /EXPIRES:"2031/01/02 03:04:05"',
        "User",
        ExpireTime_dt="2031-01-02T03:04:05.000Z",
    ),
    record("UserExpiresSet alice /EXPIRES:none", "User", ExpireTime_dt=0),
    record(
        "UserPolicySet alice /NAME:maxupload /VALUE:9000",
        "User",
        **{
            "UsePolicy_bool": True,
            "policy:MaxUpload_u32": 9000,
            "policy:MaxConnection_u32": 32,
            "policy:Access_bool": True,
        },
    ),
    record("UserPolicyRemove alice", "User", UsePolicy_bool=False),
    record("UserAnonymousSet alice", "User", AuthType_u32=0),
    record("UserPasswordSet alice /PASSWORD:pw", "User", AuthType_u32=1, Auth_Password_str="pw"),
    record("UserCertSet alice /LOADCERT:{cert}", "User", AuthType_u32=2, UserX_bin=CERTIFICATE),
    record(
        "UserSignedSet alice /CN:cn /SERIAL:a0b",
        "User",
        AuthType_u32=3,
        CommonName_utf="cn",
        Serial_bin=_HEX,
    ),
    record("UserRadiusSet alice /ALIAS:a", "User", AuthType_u32=4, RadiusUsername_utf="a"),
    record("UserNTLMSet alice /ALIAS:a", "User", AuthType_u32=5, NtUsername_utf="a"),
    case("GroupList", "EnumGroup", shows="Group Name|staff;;Num Users|1"),
    case(
        "GroupCreate staff /REALNAME:Staff",
        ("CreateGroup", {"HubName_str": "lab", "Name_str": "staff", "Realname_utf": "Staff"}),
    ),
    record("GroupSet staff /NOTE:n", "Group", Note_utf="n", Realname_utf="The staff"),
    case("GroupDelete staff", ("DeleteGroup", {"Name_str": "staff"})),
    case(
        "GroupGet staff",
        ("GetGroup", {"Name_str": "staff"}),
        "EnumUser",
        shows="Full Name|The staff;;MaxUpload|Upload Bandwidth|1000000 bps;;"
        "TimeOut|Time-out Period|20 seconds;;MaxMac|Maximum Number of MAC Addresses|-;;alice",
    ),
    case(
        "GroupJoin staff /USERNAME:alice",
        ("GetUser", {"Name_str": "alice"}),
        ("SetUser", {"Name_str": "alice", "GroupName_str": "staff"}),
    ),
    record("GroupUnjoin alice", "User", GroupName_str=""),
    record(
        "GroupPolicySet staff /NAME:TimeOut /VALUE:9",
        "Group",
        **{"policy:TimeOut_u32": 9, "policy:MaxUpload_u32": 1000000, "UsePolicy_bool": True},
    ),
    record("GroupPolicyRemove staff", "Group", UsePolicy_bool=False),
    case("PolicyList", shows="VLanId|VLAN ID (IEEE802.1Q)"),
    case("PolicyList timeout", shows="TimeOut;;5 to 60 seconds;;20 seconds"),
)
