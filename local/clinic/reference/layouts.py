"""The layouts of the reference installation: field names and types as FileMaker declares them, the odd ones too.

Left out are fields of which nothing is recorded but their number.
"""

from __future__ import annotations

from ..layoutfiles import Layouts

STAMPS = ("creationTimestamp:timeStamp", "modificationTimestamp:timeStamp", "creationAccountName")
CALENDAR = ("id", "name", "color", "colorRGB", "SMS Toggle:number")

LAYOUTS: Layouts = {
    "API_Contacts": (
        "@Contacts",
        (
            *("id", "title", "nameFirst", "nameMiddle", "nameLast", "DOB:date", "gender", "contactType"),
            *("Health Number", "Funding", "id_Clinic", "Clinic_Name", "_kf_XeroContactID"),
            *("NDIS Plan Start Date:date", "NDIS Plan End Date:date", "NDIS Coordinator Name"),
            *("NDIS Coordinator Phone", "NDIS Coordinator Email", "NDIS notes"),
            *("Diabetes:number", "Impaired Vision:number", "Impaired Hearing:number", "Flaged"),
            *("CYS_ID:number", "Area", "sms:number", "old.id", "Order State"),
            *("Consent Sign:container", "RECORD_ACTIVE_INDICATOR:text:global"),
            *STAMPS,
        ),
    ),
    "API_Contact_Details": (
        "@Contact Details",
        (
            *("id", "id.key", "type", "Name", "ph:number", "address 1", "address 2", "suburb", "state"),
            *("post code", "country", "PhoneMobileIntFormat", "SMS Phone:number", "Email default:number"),
            *("Xero address:number", "location", "Full Address:text:calc", "Full Address one line:text:calc"),
        ),
    ),
    "API_event": (
        "event",
        (
            *("id", "title", "startDate:date", "endDate:date:calc", "startTime:time", "endTime:time:calc"),
            *("allDay:text:calc", "FLAG All day:number", "idCal:text:calc", "id_Contact", "id_Referrer"),
            *("note", "noteDay", "noteClinic", "Consult Notes", "location", "No SMS:number"),
            *("FLAG Follow Up:number", "_kp_MessageID"),
        ),
    ),
    "API_calendar": ("calendar", CALENDAR),
    "API_Clinic_Name": ("Clinic Name", ("id", "Name", "SMS Toggle:number")),
    "API_Clinics_Details": (
        "@Clinics Details",
        (
            *("id", "id_Contact", "id_Clinic", "id_Referrer", "id_Funding", "id_Clinic_Date", "Clinic Name"),
            *("Contact Name", "Referrer Name", "Clinic Date:date", "Time:time", "Note", "NoteDay"),
        ),
    ),
    "API_Docs": (
        "Docs",
        (
            *("id", "id_Contact", "id_Order", "Type:date", "Date:date", "Doc:container", "imported"),
            *("num:number", "NexusExportDate", *STAMPS, "modificationAccountName"),
        ),
    ),
    "API_Images": (
        "Images",
        (
            *("id", "id_Contact", "recid:number:calc", "date:date", "Type", "Name of file:text:calc", "fileNane"),
            *("filesize:text:calc", "image_Full:container", "image_Ex_large:container", "image_large:container"),
            *("image_medium:container", "image_small:container", "image_thumbnails:container:x4", "result"),
            *("imported", "Recovered", "ID.KEY:text:global", "NexusExportDate:timeStamp", "best_image_container"),
        ),
    ),
    "API_Notes": (
        "Notes",
        ("id", "id_Key", "Date:date", "Note", "Note Type", "Display", *STAMPS, "modificationAccountName"),
    ),
    "@Letters": (
        "Letters",
        (
            *("id", "id.key", "Name", "Date:date", "To", "Dear", "Title", "Body", "Type", "Letter by", "Active"),
            *("Referrer Name", *STAMPS),
        ),
    ),
    "API_Messages": (
        "Messages",
        (
            *("_kp_MessageID", "_kf_ContactID", "_kf_EventID", "MessageBody", "MessageStatus", "SendResult"),
            *("SentTimestamp:timeStamp", "RecipientPhoneMobile", "RecipientPhoneMobileIntFormat"),
            *("SenderPhoneMobile", "_kf_GatewayMessageID", "_kf_TemplateID", "zz_Serial#:number"),
        ),
    ),
    "API_Replies": (
        "Replies",
        (
            *("_kp_ReplyID", "_kf_ContactID", "ReplyMessageBody", "Timestamp:timeStamp"),
            *("SenderPhoneMobileIntFormat", "DestinationPhoneMobileIntFormat", "_kf_GatewayMessageID"),
        ),
    ),
    "API_Referrer": (
        "Referrer",
        (
            *("id", "title", "nameFirst", "nameMiddle", "nameLast", "contactType", "gender", "id_Clinic"),
            *("RECORD_ACTIVE_INDICATOR:text:global", *STAMPS),
        ),
    ),
    "API_ContactToReferrer": ("ContactToReferrer", ("id_Contact", "id_Perscriber", "date:date", *STAMPS)),
    "API_Company": ("Company", ("id", "Name", "ABN", "Type", "Location", "_kf_XeroContactID", *STAMPS)),
    "API_ReferrerToCompany_Join": ("ReferrerToCompany", ("id_Referrer", "id_Company", "date:date", *STAMPS)),
    "API_Funding_Sources": ("Funding Sources", ("id", "Name", "Abbreviation", *STAMPS)),
}

SHOWN_AGAIN: Layouts = {"API_event_calendar": ("calendar", CALENDAR)}
"""Layouts on a table that another one brings."""
